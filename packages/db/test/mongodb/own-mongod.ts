import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Document, MongoClient } from 'mongodb';
import { eventually } from '../../../../tools/eventually';

const COLLECTION = 'orders';

/** A fake of a MongoDB server, as a process of its own: it may be killed and frozen. */
export class OwnMongod {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #admin: MongoClient;

  private constructor(process: ChildProcess, port: string) {
    this.#process = process;
    this.url = `mongodb://127.0.0.1:${port}/test?directConnection=true`;
    this.#admin = new MongoClient(this.url, { appName: 'admin' });
  }

  static async start(): Promise<OwnMongod> {
    const child = spawn(process.execPath, [join(__dirname, 'fake-mongod.mjs')], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface(child.stdout), 'line');
    return new OwnMongod(child, (line as string).split(' ')[1] as string);
  }

  /** How many orders are there. */
  async orders(): Promise<number> {
    return (await this.#admin.db().collection(COLLECTION).find().toArray()).length;
  }

  /** The next command of this name takes so long before it does anything. */
  async slow(command: string, blockTimeMS: number, times = 1): Promise<void> {
    await this.fail(command, { blockConnection: true, blockTimeMS }, times);
  }

  async fail(command: string, how: Document, times = 1): Promise<void> {
    await this.#admin.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times },
      data: { failCommands: [command], ...how },
    });
  }

  /** Settles when the server runs `count` commands of this name. */
  async running(command: string, count = 1): Promise<void> {
    await this.eventually(
      () => this.#command({ currentOp: 1 }),
      ({ inprog }) =>
        inprog.filter(({ command: run }: { command: object }) => command in run).length === count,
    );
  }

  async openTransactions(): Promise<number> {
    return (await this.#command({ serverStatus: 1 })).transactions.currentOpen;
  }

  async openCursors(): Promise<number> {
    return (await this.#command({ serverStatus: 1 })).cursors;
  }

  /** How many connections a client of this name has, once the server has heard of our ends. */
  gone(appName: string): Promise<number> {
    const count = async (): Promise<number> => {
      const { connections } = await this.#command({ serverStatus: 1 });
      return connections.appNames.filter((name: string) => name === appName).length;
    };
    return this.eventually(count, (left) => left === 0);
  }

  readonly eventually = eventually;

  async empty(): Promise<void> {
    await this.#command({ drop: COLLECTION });
  }

  /** SIGKILL: gone in the middle of whatever it does. SIGSTOP: frozen. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Its own connections are to be no part of what a test sees of the server's end. */
  async forget(): Promise<void> {
    await this.#admin.close();
  }

  async close(): Promise<void> {
    await this.forget();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  #command(command: Document): Promise<Document> {
    return this.#admin.db('admin').command(command);
  }
}

import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type BoundMessage,
  createProcessRestartEnvironment,
  type GenerationProcess,
  type SocketToPass,
  startGeneration,
  type UpMessage,
} from '../src/handover';
import { ask } from './harness/service';

type Event = Readonly<Record<string, unknown>>;

/** What a supervisor does, without its policy: starts generations, keeps their sockets, hears what they say. */
class Worker implements AsyncDisposable {
  readonly said: UpMessage[] = [];
  readonly events: Event[] = [];
  readonly sockets: SocketToPass[] = [];
  readonly #watchers = new Set<() => void>();

  readonly process: GenerationProcess;

  private constructor(process: GenerationProcess) {
    this.process = process;
    const news = (): void => {
      for (const check of [...this.#watchers]) check();
    };
    process.channel.onMessage((message) => {
      this.said.push(message);
      news();
    });
    process.child.on('message', (message, handle) => {
      const { socket } = message as BoundMessage;
      const { fd } = handle as unknown as { fd: number };
      this.sockets.push({ record: socket, fd });
      // It holds the descriptor open.
      handles.push(handle);
      news();
    });
    if (process.child.stdout === null) throw new Error('no stdout');
    createInterface({ input: process.child.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line) as Event);
      news();
    });
  }

  static async start(generation: number, sockets: readonly SocketToPass[] = []): Promise<Worker> {
    const environment = createProcessRestartEnvironment();
    const piped: typeof environment = {
      ...environment,
      // What it writes is for the test, not for the terminal.
      spawn: (command, args, options) => {
        const [, , ...rest] = options.stdio as unknown[];
        const stdio = ['ignore', 'pipe', ...rest] as never;
        return environment.spawn(command, args, { ...options, stdio });
      },
    };
    const process = await startGeneration(piped, {
      command: environment.execPath,
      args: [join(__dirname, 'fixtures', 'supervised.cjs')],
      cwd: __dirname,
      env: { ...globalThis.process.env, NODE_OPTIONS: '', LASTCALL_WRAP_UP_TIME_MS: '0' },
      topology: 'supervised',
      generation,
      ancestors: [],
      sockets,
      ticketKeys: {},
    });
    return new Worker(process);
  }

  when<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(JSON.stringify({ said: this.said, events: this.events }))),
        20_000,
      );
      const check = (): void => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve(found);
      };
      this.#watchers.add(check);
      check();
    });
  }

  heard<T extends UpMessage['type']>(type: T): Promise<UpMessage> {
    return this.when(() => this.said.find((message) => message.type === type));
  }

  saw(key: string): Promise<unknown> {
    return this.when(() => this.events.find((event) => event[key] !== undefined)?.[key]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.ended;
  }
}

const handles: unknown[] = [];

describe('a supervised generation', () => {
  it('gives its sockets up to the supervisor, and the next one gets them', async () => {
    await using first = await Worker.start(1);
    await first.heard('ready');
    const socket = await first.when(() => first.sockets[0]);
    expect(socket.record).toMatchObject({ name: 'web', kind: 'tcp' });
    const { address } = socket.record;
    expect(await ask(address)).toBe('1');
    expect(await first.saw('status')).toMatchObject({ topology: 'supervised', state: 'serving' });
    // While no worker is there clients wait, and are not refused.
    first.process.kill('SIGKILL');
    await first.process.ended;
    const waiting = ask(address);
    await using second = await Worker.start(2, [socket]);
    expect(await second.heard('ready')).toEqual({ type: 'ready', claimed: ['web'], bound: [] });
    expect(await waiting).toBe('2');
    expect(second.sockets).toEqual([]);
  });

  it('pauses and resumes as it is told, and stops when it has been replaced', async () => {
    await using first = await Worker.start(1);
    await first.heard('ready');
    const socket = await first.when(() => first.sockets[0]);
    const { address } = socket.record;
    await using second = await Worker.start(2, [socket]);
    await second.heard('ready');
    first.process.channel.send({ type: 'pause', names: ['web'] });
    // Both have accepted until then, so ask until only one answers.
    await until(async () => (await asked(address, 8)).every((answer) => answer === '2'));
    second.process.kill('SIGKILL');
    await second.process.ended;
    const late = ask(address);
    first.process.channel.send({ type: 'resume' });
    expect(await late).toBe('1');
    first.process.channel.send({ type: 'replaced', pid: 4711 });
    expect(await first.saw('report')).toBe('upgrade');
    expect(await first.process.ended).toEqual({ code: 0, signal: null });
  });

  it('goes on accepting when it is told to resume before it has paused', async () => {
    await using worker = await Worker.start(1);
    await worker.heard('ready');
    const { address } = (await worker.when(() => worker.sockets[0])).record;
    worker.process.channel.send({ type: 'pause', names: ['web'] });
    worker.process.channel.send({ type: 'resume' });
    // Longer than the pause needs: only then it would show.
    for (let count = 0; count < 20; count += 1) {
      expect(await ask(address)).toBe('1');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it('asks the supervisor for an upgrade, and hears how it went', async () => {
    await using worker = await Worker.start(1);
    await worker.heard('ready');
    worker.process.child.kill('SIGWINCH');
    expect(await worker.heard('upgrade')).toEqual({ type: 'upgrade', reason: 'call' });
    worker.process.channel.send({ type: 'refused', code: 'X', message: 'the release is broken' });
    expect(await worker.saw('code')).toBe('LASTCALL_UPGRADE_REFUSED');
    expect(await worker.saw('message')).toContain('the release is broken');
    worker.process.child.kill('SIGWINCH');
    await worker.when(() =>
      worker.said.filter(({ type }) => type === 'upgrade').length === 2 ? true : undefined,
    );
    worker.process.channel.send({ type: 'replaced', pid: 4711 });
    expect(await worker.saw('upgraded')).toBe(4711);
    await worker.process.ended;
  });

  it('says that it stops, is told when it is alone, and outlives its supervisor', async () => {
    await using worker = await Worker.start(2);
    await worker.heard('ready');
    expect(worker.events.some(({ parentGone }) => parentGone !== undefined)).toBe(false);
    worker.process.channel.send({ type: 'alone' });
    expect(await worker.saw('parentGone')).toBe(2);
    worker.process.channel.close();
    const { address } = (await worker.when(() => worker.sockets[0])).record;
    expect(await ask(address)).toBe('2');
    worker.process.kill('SIGTERM');
    expect(await worker.process.ended).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('says that it stops when somebody asks it to', async () => {
    await using worker = await Worker.start(1);
    await worker.heard('ready');
    worker.process.kill('SIGTERM');
    expect(await worker.heard('stopping')).toEqual({ type: 'stopping', reason: 'SIGTERM' });
    await once(worker.process.child, 'close');
  });
});

async function asked(address: string, times: number): Promise<string[]> {
  return Promise.all(Array.from({ length: times }, () => ask(address)));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import postgresJs from 'postgres';
import { createPgDrain } from '../../src/pg';
import { createPostgresDrain } from '../../src/postgres';
import { describePostgres } from '../pg/describe-postgres';

const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message;
const CANCEL_REQUEST = 80877102;
const SETTINGS = { cancelGraceMs: 10_000 };

describePostgres('statements behind a pooler', (postgres) => {
  let pooler: Pooler;
  beforeEach(async () => {
    pooler = await Pooler.of(postgres().url);
  });
  afterEach(() => pooler.close());

  it('are cancelled for pg, each by a request that its sender does not end', async () => {
    const pool = postgres().pool({ connectionString: pooler.url, max: 3 });
    const drain = createPgDrain(pool, SETTINGS);
    const failed = [1, 2, 3].map(() => pool.query(postgres().insert(30)).catch(codeOf));
    await postgres().sleeping(3);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await Promise.all(failed)).toEqual(['57014', '57014', '57014']);
    expect(cut.map(({ outcome }) => outcome)).toEqual(Array(3).fill('rolled back'));
    expect(pooler.withdrawn).toBe(0);
  });

  it('are cancelled for postgres.js as well', async () => {
    const connection = { application_name: postgres().table };
    const sql = postgresJs(pooler.url, { max: 3, fetch_types: false, connection });
    const drain = createPostgresDrain(sql, SETTINGS);
    const failed = [1, 2, 3].map(() => sql.unsafe(postgres().insert(30)).catch(codeOf));
    await postgres().sleeping(3);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await Promise.all(failed)).toEqual(['57014', '57014', '57014']);
    expect(cut.map(({ outcome }) => outcome)).toEqual(Array(3).fill('rolled back'));
    expect(pooler.withdrawn).toBe(0);
  });
});

/** As PgBouncer, it takes a CancelRequest whose sender is gone for one that was withdrawn. */
class Pooler {
  readonly url: string;
  /** How many requests were. */
  withdrawn = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, url: URL) {
    this.#server = server;
    const near = new URL(url);
    near.hostname = '127.0.0.1';
    near.port = String((server.address() as { port: number }).port);
    this.url = near.href;
    server.on('connection', (socket) => this.#join(socket, url));
  }

  static async of(url: string): Promise<Pooler> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Pooler(server, new URL(url));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(url: URL): Socket {
    return connect(Number(url.port || 5432), url.hostname);
  }

  #join(near: Socket, url: URL): void {
    this.#keep(near);
    near.once('data', (first) => {
      if (first.readInt32BE(4) === CANCEL_REQUEST) {
        void this.#passOn(near, first, url);
        return;
      }
      const far = this.#keep(this.#open(url));
      far.write(first);
      near.pipe(far).pipe(near);
    });
  }

  /** The server's end is passed on. */
  async #passOn(near: Socket, request: Buffer, url: URL): Promise<void> {
    const far = this.#keep(this.#open(url));
    let isPassedOn = false;
    near.once('end', () => {
      if (!isPassedOn) this.withdrawn++;
      far.destroy();
    });
    await once(far, 'connect');
    if (near.readableEnded) return;
    far.write(request);
    await once(far.resume(), 'end');
    isPassedOn = true;
    near.end();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket.on('error', () => {});
  }
}

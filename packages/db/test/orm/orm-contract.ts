import type { Socket } from 'node:net';
import type { PoolDrain } from '../../src/pg';
import { describeMariadb } from '../mysql2/describe-mariadb';
import { describePostgres } from '../pg/describe-postgres';
import { TcpProxy } from '../tcp-proxy';

/** What the test asks of the server, whichever it is. */
export interface TestServer {
  readonly url: string;
  insert(seconds?: number): string;
  rows(): Promise<number>;
  running(count: number): Promise<unknown>;
  /** The test's sessions that are left: none, if all is well. */
  gone(): Promise<unknown[]>;
  eventually<T>(look: () => Promise<T>, expected: (value: T) => boolean): Promise<T>;
}

/** A transaction that is open. */
export interface OpenTransaction {
  run(sql: string): Promise<unknown>;
  commit(): Promise<unknown>;
  rollback(): Promise<unknown>;
}

/** An ORM with at most two connections, and a drain. */
export interface DrainedOrm {
  readonly drain: PoolDrain;
  run(sql: string): Promise<unknown>;
  begin(): Promise<OpenTransaction>;
  /** The ORM's own close, as an application calls it. */
  close(): Promise<unknown>;
}

/** Long enough to cancel a statement on a machine that does much else. */
export const GRACE = { cancelGraceMs: 1000 } as const;

/** Opens the ORM on `url`; `label` is what its sessions are found by, where the database does not tell. */
export type OpenOrm = (url: string, label: string) => Promise<DrainedOrm>;

const never = (): AbortSignal => new AbortController().signal;

/** `done`, or the code of what went wrong: an ORM may wrap it. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (thrown) {
    let error = thrown as Record<string, unknown>;
    for (;;) {
      const code = error.code ?? error.errno;
      if (typeof code === 'string' && !/^P\d+$/.test(code)) return code;
      const text = String(error.message);
      const cause = error.cause ?? error.original ?? error.driverError;
      if (typeof cause !== 'object' || cause === null) return text;
      error = cause as Record<string, unknown>;
    }
  }
}

/** What must hold for every ORM, on each server that it has a driver for. */
export function describeOrm(
  name: string,
  open: { readonly postgres?: OpenOrm; readonly mariadb?: OpenOrm },
): void {
  const { postgres, mariadb } = open;
  if (postgres !== undefined) {
    describePostgres(`${name} on pg`, (server) =>
      contract(server, (url) => {
        const labelled = new URL(url);
        labelled.searchParams.set('application_name', server().table);
        return postgres(labelled.href, server().table);
      }),
    );
  }
  if (mariadb !== undefined) {
    describeMariadb(`${name} on mysql2`, (server) =>
      contract(server, (url) => mariadb(url, server().database)),
    );
  }
}

function contract(server: () => TestServer, open: (url: string) => Promise<DrainedOrm>): void {
  /** Settles when so much is in flight: what an ORM is told to do reaches its pool some turns later. */
  const inFlight = (orm: DrainedOrm, inUse: number, waiting: number): Promise<unknown> =>
    server().eventually(
      async () => orm.drain.gauges(),
      (gauges) => gauges.inUse === inUse && gauges.waiting === waiting,
    );
  const noSocketsTo = ({ port }: TcpProxy): Promise<unknown> =>
    server().eventually(
      async () => activeSockets().filter(({ remotePort }) => remotePort === port),
      (sockets) => sockets.length === 0,
    );
  const cancelled = /^(?:57014|ER_QUERY_INTERRUPTED)$|cancel|interrupted/i;
  afterEach(async () => {
    expect(await server().gone()).toEqual([]);
    // A drain that is over has nothing to do any more, turn after turn.
    await server().eventually(
      async () => process.getActiveResourcesInfo().filter((name) => name === 'Immediate'),
      (left) => left.length === 0,
    );
  });

  it('finishes what is in flight, open and queued, refuses what is new, and closes the ORM last', async () => {
    const orm = await open(server().url);
    const transaction = await orm.begin();
    await transaction.run(server().insert());
    const work = [orm.run(server().insert(0.3)), orm.run(server().insert())];
    await inFlight(orm, 2, 1);
    const stopped = orm.drain.stop({ signal: never() });
    expect(await codeOf(orm.run('select 1'))).toMatch(/LASTCALL_DB_DRAINING|POOL_NO/);
    const closed = orm.close();
    await transaction.commit();
    await Promise.all([...work, closed]);
    expect(await stopped).toEqual({ drained: 3, cut: [], errors: [] });
    expect(await server().rows()).toBe(3);
    expect(await server().gone()).toEqual([]);
    expect(await codeOf(orm.run('select 1'))).not.toBe('done');
    expect(await server().gone()).toEqual([]);
    expect(orm.drain.gauges()).toMatchObject({ total: 0, inUse: 0, waiting: 0 });
  });

  it('is cut at the hammer: at the server, and every piece of work is accounted for', async () => {
    const orm = await open(server().url);
    const leaked = await orm.begin();
    await leaked.run(server().insert());
    const slow = codeOf(orm.run(server().insert(30)));
    await server().running(1);
    const queued = codeOf(orm.run(server().insert()));
    await inFlight(orm, 2, 1);
    const { drained, cut } = await orm.drain.stop({ signal: AbortSignal.abort() });
    expect(await slow).toMatch(cancelled);
    // Behind a cluster mysql2 tries again, and is refused then.
    expect(await queued).toMatch(/LASTCALL_DB_CUT|LASTCALL_DB_DRAINING/);
    expect(drained).toBe(0);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['in transaction', 'rolled back'],
      ['queued', 'cut'],
      ['running', 'rolled back'],
    ]);
    expect(await server().gone()).toEqual([]);
    expect(await server().rows()).toBe(0);
    expect(await codeOf(leaked.commit())).not.toBe('done');
    await codeOf(leaked.rollback());
    expect(await codeOf(orm.run('select 1'))).not.toBe('done');
  });

  it('ends with a server that is silent, and leaves nothing that keeps the process alive', async () => {
    const proxy = await TcpProxy.to(server().url);
    const orm = await open(proxy.via(server().url));
    const leaked = await orm.begin();
    await leaked.run(server().insert());
    const slow = codeOf(orm.run(server().insert(0.3)));
    await server().running(1);
    const queued = codeOf(orm.run(server().insert()));
    await inFlight(orm, 2, 1);
    proxy.freeze();
    const { drained, cut } = await orm.drain.stop({ signal: AbortSignal.abort() });
    expect(drained).toBe(0);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['in transaction', 'rolled back'],
      ['queued', 'cut'],
      ['running', 'outcome unknown'],
    ]);
    expect(await slow).not.toBe('done');
    expect(await queued).not.toBe('done');
    await noSocketsTo(proxy);
    await codeOf(leaked.rollback());
    proxy.close();
  });

  it('ends with a server that is silent when its idle connections are closed', async () => {
    const proxy = await TcpProxy.to(server().url);
    const orm = await open(proxy.via(server().url));
    await orm.run(server().insert());
    proxy.freeze();
    const { drained, cut } = await orm.drain.stop({ signal: never() });
    expect([drained, cut]).toEqual([0, []]);
    await noSocketsTo(proxy);
    proxy.close();
  });

  it('is left as it was when it is detached', async () => {
    const orm = await open(server().url);
    await orm.run(server().insert());
    orm.drain.detach();
    const transaction = await orm.begin();
    await transaction.run(server().insert());
    await transaction.commit();
    await orm.run(server().insert());
    expect(await server().rows()).toBe(3);
    await orm.close();
  });
}

function activeSockets(): Socket[] {
  return (process as unknown as { _getActiveHandles(): Socket[] })._getActiveHandles();
}

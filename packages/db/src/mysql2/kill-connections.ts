import { connect } from 'node:net';
import { connectionClass, currentCommand, textOf } from './mysql2-internals';
import type { Mysql2Config, Mysql2Connection } from './mysql2-pool';

/** What to kill: the statement that runs, or the connection with it. */
export type KillTarget = 'QUERY' | 'CONNECTION';

/** So many characters of a statement tell it from others. */
const TELLING = 12;
/** A server shows a statement as it stands, but may shorten it. */
const SHOWN = 100;

/** A row of the process list: number, the client's address, what runs. */
type Process = readonly [id: number, host: string | null, info: string | null];

/**
 * Asks the servers to end what runs on `connections`, by `KILL` on a connection of its own to each: the same address, the
 * same user.
 *
 * A number of a connection means nothing to another server, and behind one address there may be several (a balancer, a
 * proxy with a pool of its own). So the process list is asked first, and only what is known to be ours is killed.
 *
 * @returns settles when the servers have answered, or `signal` has aborted. Never rejects.
 */
export async function killConnections(
  connections: readonly Mysql2Connection[],
  target: KillTarget,
  signal: AbortSignal,
): Promise<void> {
  const byServer = new Map<string, Mysql2Connection[]>();
  for (const connection of connections) {
    const { remoteAddress, remotePort } = connection.stream;
    const server = `${remoteAddress} ${remotePort}`;
    byServer.set(server, [...(byServer.get(server) ?? []), connection]);
  }
  await Promise.all([...byServer.values()].map((group) => killAtServer(group, target, signal)));
}

async function killAtServer(
  connections: readonly Mysql2Connection[],
  target: KillTarget,
  signal: AbortSignal,
): Promise<void> {
  const [first] = connections;
  if (first === undefined || signal.aborted) return;
  const side = openBeside(first);
  const giveUp = (): void => void side.stream.destroy(new Error('given up'));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const ids = connections.map(({ threadId }) => Number(threadId)).join(', ');
    const list = `SELECT ID, HOST, INFO FROM information_schema.PROCESSLIST WHERE ID IN (${ids})`;
    const processes = (await ask(side, list)) as Process[];
    const ours = connections.filter((connection) => isShown(connection, processes));
    const kills = ours.map(({ threadId }) => ask(side, `KILL ${target} ${threadId}`));
    await Promise.allSettled(kills);
  } catch {
    // It could not be asked, or may not be: the connection will be destroyed, and its outcome is unknown then.
  } finally {
    signal.removeEventListener('abort', giveUp);
    giveUp();
  }
}

/** Whether the server's list shows `connection`, by the port it comes from or by what it runs now. */
function isShown(connection: Mysql2Connection, processes: readonly Process[]): boolean {
  const process = processes.find(([id]) => Number(id) === connection.threadId);
  if (process === undefined) return false;
  const [, host, info] = process;
  const { localPort } = connection.stream;
  if (localPort !== undefined && host?.endsWith(`:${localPort}`)) return true;
  const command = currentCommand(connection);
  const sql = command?.sql ?? (command && textOf(command));
  if (typeof sql !== 'string' || info === null) return false;
  // In a prepared statement the server shows values.
  const text = sql.trim().split('?', 1)[0]?.slice(0, SHOWN) ?? '';
  return text.length >= TELLING && info.trim().startsWith(text);
}

/** A connection to the same server, with the same settings, that belongs to no pool. */
function openBeside(connection: Mysql2Connection): Mysql2Connection {
  const { config } = connection;
  const { remoteAddress, remotePort } = connection.stream;
  const copy: Mysql2Config = Object.create(
    Object.getPrototypeOf(config),
    Object.getOwnPropertyDescriptors(config),
  );
  copy.connectTimeout = 0;
  copy.typeCast = true;
  copy.queryFormat = undefined;
  // A name may stand for several servers.
  if (copy.stream === undefined && remoteAddress !== undefined && remotePort !== undefined)
    copy.stream = () => connect(remotePort, remoteAddress);
  const Connection = connectionClass(connection);
  const side = new Connection({ config: copy });
  side.on('error', () => {});
  return side;
}

function ask(connection: Mysql2Connection, sql: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, rowsAsArray: true, nestTables: false }, (error, rows) => {
      if (error) reject(error);
      else resolve(rows);
    });
  });
}

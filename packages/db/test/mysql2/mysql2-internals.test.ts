import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Connection, createConnection, createPool, type PoolConnection } from 'mysql2';
import {
  beforeLoss,
  belongsToPool,
  closeIdleConnection,
  connectionClass,
  currentCommand,
  lastMessage,
  onCommandEnd,
  textOf,
} from '../../src/mysql2/mysql2-internals';
import type { Mysql2Command, Mysql2Connection, OpenMysql2Pool } from '../../src/mysql2/mysql2-pool';
import { readAnswer } from '../../src/mysql2/server-status';
import { describeMariadb } from './describe-mariadb';

/** One test per field: what fails here says what a version of mysql2 has moved. */
describeMariadb('what mysql2 keeps', (mariadb) => {
  let connection: Connection;
  let kept: Mysql2Connection;
  const query = (sql: string): Promise<unknown> => connection.promise().query(sql);
  const isInTransaction = (): unknown => {
    const answer = readAnswer(lastMessage(kept) as never);
    return answer?.type === 'ok' && answer.isInTransaction;
  };

  beforeEach(async () => {
    connection = createConnection({ uri: mariadb().url });
    kept = connection as unknown as Mysql2Connection;
    await connection.promise().connect();
  });
  afterEach(() => connection.destroy());

  it('the current command, with its text but not its values', async () => {
    expect(currentCommand(kept)).toBeUndefined();
    const text = (): string | undefined => textOf(currentCommand(kept) as Mysql2Command);
    const work = connection.promise().query('select sleep(?)', [0.01]);
    expect(text()).toBe('select sleep(?)');
    await work;
    const prepared = connection.promise().execute('select sleep(?)', [0.01]);
    expect(text()).toBe('select sleep(?)');
    await new Promise((resolve) => setImmediate(resolve));
    await prepared;
    const statement = await connection.promise().prepare('select sleep(?) s');
    const executed = statement.execute([0.01]);
    expect(text()).toBe('select sleep(?) s');
    await executed;
    expect(currentCommand(kept)).toBeUndefined();
  });

  it('the last message, also while the next command waits for its answer', async () => {
    expect(isInTransaction()).toBe(false);
    await query('begin');
    expect(isInTransaction()).toBe(true);
    await query('select 1');
    expect(isInTransaction()).toBe(true);
    const waiting = query('select sleep(0.01)');
    expect(isInTransaction()).toBe(true);
    await waiting;
    await query('commit');
    expect(isInTransaction()).toBe(false);
    await query('nonsense').catch(() => {});
    expect(readAnswer(lastMessage(kept) as never)).toEqual({ type: 'error', errno: 1064 });
    await connection.promise().prepare('do 1');
    expect(readAnswer(lastMessage(kept) as never)).toBeUndefined();
  });

  it('the last message with compression', async () => {
    const compressed = createConnection({ uri: mariadb().url, compress: true });
    await compressed.promise().query('begin');
    const last = lastMessage(compressed as unknown as Mysql2Connection);
    expect(readAnswer(last as never)).toEqual({ type: 'ok', isInTransaction: true, isBare: true });
    compressed.destroy();
  });

  it('the end of each command', async () => {
    const ends: unknown[] = [];
    const undo = onCommandEnd(kept, (command, last) =>
      ends.push([textOf(command), readAnswer(last)?.type]),
    );
    await query('select 1 union select 2');
    await query('nonsense').catch(() => {});
    expect(ends).toEqual([
      ['select 1 union select 2', 'ok'],
      ['nonsense', 'error'],
    ]);
    undo();
    await query('select 1');
    expect(ends).toHaveLength(2);
  });

  it('the moment before commands fail with their connection', async () => {
    let running: unknown;
    beforeLoss(kept, () => {
      running ??= currentCommand(kept)?.sql;
    });
    const work = query('select sleep(10)').catch(() => {});
    kept.stream.destroy(new Error('lost'));
    await work;
    expect(running).toBe('select sleep(10)');
  });

  it('whether a connection is of a pool, how it is closed there, and the class of one that is not', async () => {
    const pool = createPool({ uri: mariadb().url });
    const pooled = await new Promise<PoolConnection>((resolve) =>
      pool.getConnection((_, each) => resolve(each)),
    );
    const open = pooled as unknown as Mysql2Connection;
    expect(belongsToPool(open)).toBe(true);
    expect(belongsToPool(kept)).toBe(false);
    expect(connectionClass(kept)).toBe(connection.constructor);
    expect(connectionClass(open)).toBe(connection.constructor);
    const { _closed, _allConnections, _freeConnections, _connectionQueue } =
      pool as unknown as OpenMysql2Pool;
    expect([_closed, _allConnections, _freeConnections, _connectionQueue].map(describe)).toEqual([
      'false',
      '1',
      '0',
      '0',
    ]);
    closeIdleConnection(open);
    expect(belongsToPool(open)).toBe(false);
    await once(open.stream as Socket, 'close');
    expect(_allConnections.toArray()).toEqual([]);
    await pool.promise().end();

    function describe(value: unknown): string {
      return String((value as { toArray?(): unknown[] }).toArray?.().length ?? value);
    }
  });
});

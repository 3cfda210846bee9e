import { Sequelize } from 'sequelize';
import { createSequelizeDrain } from '../../src/sequelize';
import { describePostgres } from '../pg/describe-postgres';
import { describeOrm, GRACE, type OpenOrm } from './orm-contract';

const open: OpenOrm = async (url, label) => {
  const isPostgres = url.startsWith('postgres');
  const sequelize = new Sequelize(url, {
    logging: false,
    pool: { max: 2 },
    ...(isPostgres ? { dialectOptions: { application_name: label } } : {}),
  });
  const drain = createSequelizeDrain(sequelize, GRACE);
  return {
    drain,
    run: (sql) => sequelize.query(sql),
    async begin() {
      const transaction = await sequelize.transaction();
      return {
        run: (sql) => sequelize.query(sql, { transaction }),
        commit: () => transaction.commit(),
        rollback: () => transaction.rollback(),
      };
    },
    close: () => sequelize.close(),
  };
};

describeOrm('a drain of Sequelize', { postgres: open, mariadb: open });

describePostgres('a drain of Sequelize with a large pool', (server) => {
  it('ends its connections at once, not one after the other', async () => {
    const sequelize = new Sequelize(server().url, { logging: false, pool: { max: 3 } });
    const drain = createSequelizeDrain(sequelize, GRACE);
    await Promise.all([1, 2, 3].map(() => sequelize.query('select pg_sleep(0.05)')));
    const steps: string[] = [];
    sequelize.addHook('beforeDisconnect', () => void steps.push('before'));
    sequelize.addHook('afterDisconnect', () => void steps.push('after'));
    const { drained, cut } = await drain.stop({ signal: new AbortController().signal });
    expect({ drained, cut }).toEqual({ drained: 0, cut: [] });
    expect(steps.slice(0, 3)).toEqual(['before', 'before', 'before']);
  });
});

describe('createSequelizeDrain()', () => {
  it('refuses what it cannot drain', async () => {
    const code = (call: () => unknown): unknown => {
      try {
        call();
        return undefined;
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    for (const bad of [undefined, {}, Sequelize])
      expect(code(() => createSequelizeDrain(bad as never))).toBe('LASTCALL_DB_BAD_POOL');
    const sequelize = new Sequelize('postgres://127.0.0.1:1/none');
    createSequelizeDrain(sequelize);
    expect(code(() => createSequelizeDrain(sequelize))).toBe('LASTCALL_DB_ALREADY_ATTACHED');
    const closed = new Sequelize('mysql://127.0.0.1:1/none');
    await closed.close();
    expect(code(() => createSequelizeDrain(closed))).toBe('LASTCALL_DB_CLOSED');
  });
});

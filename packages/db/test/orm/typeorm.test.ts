import { DataSource } from 'typeorm';
import { createTypeormDrain } from '../../src/typeorm';
import { describeOrm, GRACE, type OpenOrm } from './orm-contract';

const open =
  (options: (url: string) => ConstructorParameters<typeof DataSource>[0]): OpenOrm =>
  async (url) => {
    const dataSource = await new DataSource(options(url)).initialize();
    const drain = createTypeormDrain(dataSource, GRACE);
    return {
      drain,
      run: (sql) => dataSource.query(sql),
      async begin() {
        const runner = dataSource.createQueryRunner();
        await runner.startTransaction();
        return {
          run: (sql) => runner.query(sql),
          commit: () => runner.commitTransaction().finally(() => runner.release()),
          rollback: () => runner.rollbackTransaction().finally(() => runner.release()),
        };
      },
      close: () => dataSource.destroy(),
    };
  };

const postgres = open((url) => ({ type: 'postgres', url, poolSize: 2, extra: {} }));
const mariadb = open((url) => ({ type: 'mariadb', url, poolSize: 2 }));
const withReplicas = open((url) => ({
  type: 'postgres',
  replication: { master: { url }, slaves: [{ url }] },
  poolSize: 2,
}));
const cluster = open((url) => ({
  type: 'mysql',
  replication: { master: { url }, slaves: [{ url }] },
  poolSize: 2,
}));

describeOrm('a drain of TypeORM', { postgres, mariadb });
describeOrm('a drain of TypeORM with replicas', { postgres: withReplicas, mariadb: cluster });

describe('createTypeormDrain()', () => {
  it('refuses what it cannot drain', () => {
    const code = (call: () => unknown): unknown => {
      try {
        call();
        return undefined;
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    for (const bad of [undefined, {}, DataSource])
      expect(code(() => createTypeormDrain(bad as never))).toBe('LASTCALL_DB_BAD_POOL');
    const closed = new DataSource({ type: 'postgres' });
    expect(code(() => createTypeormDrain(closed))).toBe('LASTCALL_DB_CLOSED');
  });
});

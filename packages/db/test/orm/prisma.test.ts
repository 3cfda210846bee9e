import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { createPrismaDrain } from '../../src/prisma';
import { describePostgres } from '../pg/describe-postgres';
import { openTransaction } from './open-transaction';
import { describeOrm, GRACE, type OpenOrm } from './orm-contract';
import { createPrismaClient } from './prisma-client';

const open =
  (adapterFor: (pool: Pool) => PrismaPg): OpenOrm =>
  async (url) => {
    const pool = new Pool({ connectionString: url, max: 2 });
    pool.on('error', () => {});
    const prisma = createPrismaClient(adapterFor(pool));
    const drain = createPrismaDrain(prisma, GRACE);
    return {
      drain,
      run: async (sql) => prisma.$executeRawUnsafe(sql),
      begin: () =>
        openTransaction((body) =>
          prisma.$transaction((tx) => body((sql) => tx.$executeRawUnsafe(sql)), {
            timeout: 30_000,
          }),
        ),
      async close() {
        await prisma.$disconnect();
        await pool.end();
      },
    };
  };

const own = open(({ options }) => new PrismaPg({ ...options }));
const external = open((pool) => new PrismaPg(pool));

describeOrm('a drain of Prisma', { postgres: own });
describeOrm('a drain of Prisma with a pool that it was given', { postgres: external });

describePostgres('a drain of Prisma', (postgres) => {
  it('does not wait for a disconnect of before that waits for it', async () => {
    const label = { application_name: postgres().table };
    const prisma = createPrismaClient(
      new PrismaPg({ ...label, connectionString: postgres().url, max: 2 }),
    );
    const drain = createPrismaDrain(prisma, GRACE);
    const transaction = await openTransaction((body) =>
      prisma.$transaction((tx) => body((sql) => tx.$executeRawUnsafe(sql)), { timeout: 30_000 }),
    );
    await transaction.run(postgres().insert());
    const slow = prisma.$executeRawUnsafe(postgres().insert(0.3));
    slow.catch(() => {});
    await postgres().running(1);
    // Prisma rolls the transaction back first, and ends its pool when the drain has begun.
    const disconnected = prisma.$disconnect();
    const { drained, cut, errors } = await drain.stop({ signal: new AbortController().signal });
    expect({ drained, cut, errors }).toEqual({ drained: 2, cut: [], errors: [] });
    await Promise.all([slow, disconnected]);
    await transaction.commit().catch(() => {});
    expect(await postgres().rows()).toBe(1);
    expect(await postgres().gone()).toEqual([]);
  });
});

describePostgres('a drain of Prisma that had connected before', (postgres) => {
  const connected = async () => {
    const label = { application_name: postgres().table };
    const adapter = new PrismaPg({ ...label, connectionString: postgres().url, max: 2 });
    const prisma = createPrismaClient(adapter);
    await prisma.$executeRawUnsafe('select 1');
    return prisma;
  };

  it('lets what had begun finish, and warns: it is not listed', async () => {
    const prisma = await connected();
    const early = prisma.$executeRawUnsafe(postgres().insert(1));
    early.catch(() => {});
    await postgres().running(1);
    const drain = createPrismaDrain(prisma, GRACE);
    const { errors, ...result } = await drain.stop({ signal: new AbortController().signal });
    expect(result).toEqual({ drained: 0, cut: [] });
    expect(errors).toMatchObject([{ code: 'LASTCALL_DB_ATTACHED_LATE' }]);
    await early;
    expect(await postgres().rows()).toBe(1);
    expect(await postgres().gone()).toEqual([]);
  });

  it('warns at the hammer, and does not wait', async () => {
    const prisma = await connected();
    const early = prisma.$executeRawUnsafe(postgres().insert(30)).then(
      () => 'done',
      () => 'failed',
    );
    await postgres().running(1);
    const drain = createPrismaDrain(prisma, GRACE);
    const { errors } = await drain.stop({ signal: AbortSignal.abort() });
    expect(errors).toMatchObject([{ code: 'LASTCALL_DB_ATTACHED_LATE' }]);
    await postgres().terminate();
    expect(await early).toBe('failed');
  });

  it('does not warn of a client that never connected', async () => {
    const prisma = createPrismaClient(new PrismaPg({ connectionString: postgres().url }));
    const drain = createPrismaDrain(prisma, GRACE);
    const stopped = drain.stop({ signal: new AbortController().signal });
    expect(await stopped).toEqual({ drained: 0, cut: [], errors: [] });
  });
});

describe('createPrismaDrain()', () => {
  it('refuses what it cannot drain', () => {
    for (const bad of [undefined, {}, PrismaPg])
      expect(() => createPrismaDrain(bad as never)).toThrow(
        expect.objectContaining({ code: 'LASTCALL_DB_BAD_POOL' }),
      );
    const prisma = createPrismaClient(new PrismaPg({}));
    createPrismaDrain(prisma);
    expect(() => createPrismaDrain(prisma)).toThrow(/has a drain already/);
  });
});

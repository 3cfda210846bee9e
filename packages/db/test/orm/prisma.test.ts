import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { createPrismaDrain } from '../../src/prisma';
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

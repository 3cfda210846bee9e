import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createPrismaDrain, type PrismaClientLike } from './create-prisma-drain';

/**
 * Drains a \`PrismaClient\` with the adapter \`@prisma/adapter-pg\` when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new acquires fail with
 * `LASTCALL_DB_DRAINING`, queued ones are served while there is time, queries and transactions finish. At the hammer running
 * statements are cancelled at the server, and after `cancelGraceMs` connections that are still held are destroyed; the
 * report says of each whether it was rolled back. `prisma.$disconnect()`, which would abort
 * interactive transactions, comes last; after it a query is refused, and does not silently connect again.
 *
 * @example
 * const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
 * attachPrisma(prisma, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; prisma is left as it was
 */
export function attachPrisma(prisma: PrismaClientLike, options: AttachOptions = {}): DbHandle {
  return attachDrain('attachPrisma()', 'prisma', options, (rest, onWarning) =>
    createPrismaDrain(prisma, rest, onWarning),
  );
}

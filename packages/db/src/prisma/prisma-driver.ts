import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import { asNativePool, connectNativePools } from '../orm/native-pool';
import type { OpenPrismaClient, PrismaPgAdapter, PrismaPgFactory } from './create-prisma-drain';

/**
 * What Prisma does for its drain. Its pool is the one that its adapter was given, or that the adapter makes when the client
 * connects. After a disconnect the next query would silently connect again, with a new pool, which keeps the process alive:
 * that passes the gate too.
 */
export function connectPrisma(
  client: OpenPrismaClient,
  factory: PrismaPgFactory,
  feed: DrainFeed<object>,
): DrainDriver<object> {
  const external = asNativePool(factory.externalPool);
  const seen = new WeakSet<object>();
  if (external !== undefined) seen.add(external.pool);
  const own = joinClose(client, '$disconnect', feed);
  const { add, driver } = connectNativePools(
    'prisma',
    external ? [external] : [],
    feed,
    // A pool that it was given is left to whoever gave it: here, to us.
    async () => own.close(),
  );
  const { connect } = factory;

  async function gated(): Promise<PrismaPgAdapter> {
    feed.admit();
    const adapter = await connect.call(factory);
    const native = asNativePool(adapter.underlyingDriver?.());
    if (native !== undefined && !seen.has(native.pool)) {
      seen.add(native.pool);
      add(native);
    }
    return adapter;
  }

  factory.connect = gated;
  return {
    ...driver,

    restore() {
      if (factory.connect === gated) Reflect.deleteProperty(factory, 'connect');
      own.undo();
      driver.restore();
    },
  };
}

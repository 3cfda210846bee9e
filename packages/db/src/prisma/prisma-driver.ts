import { LastcallError } from '@lastcall/proc';
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
    disconnect,
  );
  /** What it connects to is known: the pool that it was given, or one that was seen when it was made. */
  let isKnown = external !== undefined;

  /** @throws LastcallError `LASTCALL_DB_ATTACHED_LATE` where it disconnects from a pool that nobody has seen */
  async function disconnect(): Promise<void> {
    const disconnects = watchDisconnect(client);
    await own.close();
    if (disconnects() && !isKnown) throw attachedLate();
  }
  const { connect } = factory;

  async function gated(): Promise<PrismaPgAdapter> {
    feed.admit();
    isKnown = true;
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

    get closeWaitsForMore() {
      return !isKnown;
    },

    restore() {
      if (factory.connect === gated) Reflect.deleteProperty(factory, 'connect');
      own.undo();
      driver.restore();
    },
  };
}

/** Whether Prisma's engine disconnects from something, from now on: where it never connected, it does not trace it. */
function watchDisconnect({ _engine: engine }: OpenPrismaClient): () => boolean {
  const tracing = engine?.tracingHelper;
  if (engine === undefined || tracing === undefined) return () => false;
  let disconnects = false;
  engine.tracingHelper = Object.create(tracing, {
    runInChildSpan: {
      value(name: unknown, ...rest: unknown[]) {
        if (name === 'disconnect') disconnects = true;
        return tracing.runInChildSpan(name, ...rest);
      },
    },
  });
  return () => {
    engine.tracingHelper = tracing;
    return disconnects;
  };
}

function attachedLate(): LastcallError {
  return new LastcallError(
    'LASTCALL_DB_ATTACHED_LATE',
    'the Prisma client had connected before it was attached, and its pool is out of reach: what it did then is not listed, and Prisma has rolled back its interactive transactions; attach it before it connects',
  );
}

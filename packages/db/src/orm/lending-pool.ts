import type { AcquireSite } from '../drain/acquire-site';
import { type ConnectionKeeper, endOrLinger } from '../drain/connection-keeper';
import type { DrainFeed } from '../drain/drain-feed';
import { keepMysql2Connections } from '../mysql2/mysql2-keeper';
import { keepPgClients } from '../pg/pg-keeper';

/** The driver whose connections an ORM pools itself. */
export type DriverName = 'pg' | 'mysql2';

/** Looks after connections of `driver` that an ORM has made. */
export function keepConnections(
  driver: DriverName,
  feed: DrainFeed<object>,
): ConnectionKeeper<object> {
  return driver === 'pg'
    ? (keepPgClients({}, feed) as ConnectionKeeper<object>)
    : (keepMysql2Connections(feed) as ConnectionKeeper<object>);
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the driver's function takes
type Factory = (...args: any[]) => object;

/**
 * `library` as it is, except that it tells of each connection when it is made: one that connects to a server which does not
 * answer is known to nobody else, and keeps the process alive.
 */
export function tellOfConnections(
  driver: DriverName,
  library: object,
  onMade: (connection: object) => void,
): object {
  if (driver === 'mysql2') {
    const { createConnection } = library as { createConnection: Factory };
    const create: Factory = (...args) => told(createConnection.apply(library, args));
    return Object.create(library, { createConnection: { value: create } });
  }
  const { Client } = library as { Client: new (...args: never[]) => object };
  const TellingClient = new Proxy(Client, {
    construct: (target, args, newTarget) => told(Reflect.construct(target, args, newTarget)),
  });
  return Object.create(library, { Client: { value: TellingClient } });

  function told(connection: object): object {
    onMade(connection);
    return connection;
  }
}

/** Where an ORM lends connections from. */
export interface Lender {
  /** What has the functions: their own ones are replaced. */
  readonly target: object;
  /** The name of the one that lends, by a promise. */
  readonly acquire: string;
  /** The names of those that take back: their first argument is the connection. */
  readonly release: readonly string[];
  /** Where the acquire that is being called was asked for, where that is not on the stack. */
  site?(): AcquireSite | undefined;
  /** Gives a connection back, which came when nobody waited for it any more. */
  takeBack(connection: object): void;
  /** Whether there is nothing any more that a connection could be given back to: it is over then, and harms nobody. */
  isGone?(): boolean;
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

/**
 * Makes what an ORM lends pass the gate.
 * @returns what puts the gate back, should the ORM have replaced it, and what undoes it
 */
export function gateLender(
  lender: Lender,
  keeper: ConnectionKeeper<object>,
  feed: DrainFeed<object>,
): { readonly renew: () => void; readonly undo: () => void } {
  const target = lender.target as Methods;
  const names = [lender.acquire, ...lender.release];
  const own = new Map(names.map((name) => [name, Object.getOwnPropertyDescriptor(target, name)]));
  const acquire = target[lender.acquire] as Methods[string];

  function gated(this: unknown, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ticket = feed.enqueue(reject, gated, false, lender.site?.());
      const lent = acquire.apply(this, args) as Promise<object>;
      lent.then(
        (connection) => {
          keeper.keep(connection);
          feed.begin(connection);
          if (feed.leave(ticket, connection)) resolve(connection);
          else lender.takeBack(connection);
        },
        (error: unknown) => {
          feed.leave(ticket, undefined, true);
          reject(error);
        },
      );
    });
  }

  function renew(): void {
    target[lender.acquire] = gated;
  }

  renew();
  for (const name of lender.release) {
    const release = target[name] as Methods[string];
    target[name] = function released(this: unknown, ...args: unknown[]): unknown {
      endOrLinger(args[0] as object, keeper, feed);
      return lender.isGone?.() ? Promise.resolve() : release.apply(this, args);
    };
  }
  function undo(): void {
    for (const [name, descriptor] of own) {
      Reflect.deleteProperty(target, name);
      if (descriptor !== undefined) Object.defineProperty(target, name, descriptor);
    }
  }
  return { renew, undo };
}

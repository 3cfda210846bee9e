import type { DrainDriver } from './drain-driver';

/** What a driver knows to do with single connections, whoever pools them: a pool of its own, or an ORM. */
export interface ConnectionKeeper<C extends object>
  extends Pick<
    DrainDriver<C>,
    'look' | 'judge' | 'destroy' | 'socketsClosed' | 'destroySockets' | 'restore'
  > {
  /** Watches `connection` from now on. Called again, it takes note of a new socket. */
  keep(connection: C): void;
  isKept(connection: C): boolean;
  cancel(connections: readonly C[], signal: AbortSignal): Promise<unknown>;
}

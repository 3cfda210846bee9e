import type { ServerResponse } from 'node:http';
import type { Reply } from './reply';

/** A request that has passed the guard. */
export interface Visit {
  readonly query: URLSearchParams;
  /** The Accept header. */
  readonly accept: string;
  /** Whether it carries the token, where there is one. */
  readonly isAuthorized: boolean;
  /** Aborts when the client has gone, or the server closes. */
  readonly signal: AbortSignal;
}

/** Answers a visit; a function takes the response over. May throw HttpError. */
export type Answer = Reply | ((response: ServerResponse) => void);

/** What answers at a path. */
export interface Route {
  /** Whether it is shown without a token. */
  readonly isOpen?: boolean;
  /** Whether only GET will do: making the answer costs something, and HEAD would throw it away. */
  readonly isCostly?: boolean;
  answer(visit: Visit): Answer | Promise<Answer>;
}

/** Routes by path, exactly as sent: nothing is decoded or resolved. */
export type Routes = ReadonlyMap<string, Route>;

import type { AcceptedBy } from '../activities/activities';

/** What a look at a handle is for. The last two are what `node:http` keeps on a socket; nothing else has them. */
interface MaybeAccepted {
  readonly server?: unknown;
  /** The response being written. */
  readonly _httpMessage?: object | null;
  /** The parser, with the request whose body is arriving. */
  readonly parser?: { readonly incoming?: object | null } | null;
}

/** Open handles, and among them the sockets that servers have accepted. */
export interface SortedHandles<H> {
  /** The accepted sockets, by their server. */
  readonly accepted: ReadonlyMap<unknown, AcceptedBy<H>>;
  readonly others: readonly H[];
}

interface Accepted<H> extends AcceptedBy<H> {
  readonly sockets: H[];
  count: number;
  readonly busy: H[];
  busyCount: number;
}

/** More sockets of a server than anybody looks at; the others are counted. */
export const MOST_ACCEPTED = 500;

/**
 * Looks at every handle once. Beyond {@link MOST_ACCEPTED} of a server its sockets, and those that are busy, are counted and
 * not listed: V8 has not compiled a loop that runs once, so that each step of it counts where there are 10,000 sockets.
 */
export function sortHandles<H extends MaybeAccepted>(handles: readonly H[]): SortedHandles<H> {
  const accepted = new Map<unknown, Accepted<H>>();
  const others: H[] = [];
  let latestServer: unknown = NO_SERVER;
  let latest: Accepted<H> = nothing();
  let at = 0;
  while (at < handles.length) {
    try {
      for (; at < handles.length; at += 1) {
        const handle = handles[at] as H;
        const { server } = handle;
        // Mostly of the same server as the one before it.
        if (server !== latestServer) {
          if (!server) {
            others.push(handle);
            continue;
          }
          latest = acceptedBy(server, accepted);
          latestServer = server;
        }
        latest.count += 1;
        if (latest.count <= MOST_ACCEPTED) latest.sockets.push(handle);
        // Compared, not tested for truth, which would fetch the object itself from memory: that doubles the time.
        const message = handle._httpMessage ?? handle.parser?.incoming ?? undefined;
        if (message === undefined) continue;
        latest.busyCount += 1;
        if (latest.busyCount <= MOST_ACCEPTED) latest.busy.push(handle);
      }
    } catch {
      // Among the handles of a process may be anything, also what throws at a look.
      others.push(handles[at] as H);
      at += 1;
    }
  }
  return { accepted, others };
}

/** Nothing that a handle has for a server. */
const NO_SERVER = Symbol('no server');

function acceptedBy<H>(server: unknown, accepted: Map<unknown, Accepted<H>>): Accepted<H> {
  const known = accepted.get(server) ?? nothing();
  accepted.set(server, known);
  return known;
}

function nothing<H>(): Accepted<H> {
  return { sockets: [], count: 0, busy: [], busyCount: 0 };
}

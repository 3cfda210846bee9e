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
  readonly busy: H[];
}

/**
 * Looks at every handle once: the look at each of 10,000 sockets takes a millisecond or two, however little is looked for,
 * as each has to come from memory first.
 */
export function sortHandles<H extends MaybeAccepted>(handles: readonly H[]): SortedHandles<H> {
  const accepted = new Map<unknown, Accepted<H>>();
  const others: H[] = [];
  let latestServer: unknown;
  let latest: Accepted<H> = { sockets: others, busy: [] };
  // By index, and the look itself in here: V8 has not compiled a loop that runs once, and each step of it counts.
  for (let i = 0; i < handles.length; i++) {
    const handle = handles[i] as H;
    let server: unknown;
    let isBusy = false;
    try {
      server = handle.server;
      if (server) isBusy = Boolean(handle._httpMessage || handle.parser?.incoming);
    } catch {
      // Among the handles of a process may be anything, also what throws at a look.
    }
    if (!server) {
      others.push(handle);
      continue;
    }
    // Mostly of the same server as the one before it.
    if (server !== latestServer) {
      latest = acceptedBy(server, accepted);
      latestServer = server;
    }
    latest.sockets.push(handle);
    if (isBusy) latest.busy.push(handle);
  }
  return { accepted, others };
}

function acceptedBy<H>(server: unknown, accepted: Map<unknown, Accepted<H>>): Accepted<H> {
  const known = accepted.get(server) ?? { sockets: [], busy: [] };
  accepted.set(server, known);
  return known;
}

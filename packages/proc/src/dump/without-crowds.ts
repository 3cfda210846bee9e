/** Further accepted sockets are counted by their server, without a look at their state. */
export const LOOKS = 500;

interface Accepted {
  readonly server?: unknown;
}

/** Accepted sockets of one server, beyond those that are looked at. */
export interface Crowd<H> {
  readonly server: unknown;
  readonly first: H;
  count: number;
}

/** Takes out what is more of the same: of 10,000 sockets, each further look at each would take a millisecond or two. */
export function withoutCrowds<H extends Accepted>(
  handles: readonly H[],
): { readonly few: readonly H[]; readonly crowds: Iterable<Crowd<H>> } {
  const few: H[] = [];
  const crowds = new Map<unknown, Crowd<H>>();
  let accepted = 0;
  let latest: Crowd<H> | undefined;
  // By index, and the look itself in here: V8 has not compiled a loop that runs once, and each step of it counts.
  for (let i = 0; i < handles.length; i++) {
    const handle = handles[i] as H;
    let server: unknown;
    try {
      server = handle.server;
    } catch {
      // Among the handles of a process may be anything, also what throws at a look.
    }
    // Mostly of the same server as the one before it.
    if (latest !== undefined && latest.server === server) latest.count += 1;
    else if (!server || ++accepted <= LOOKS) few.push(handle);
    else latest = addTo(crowds, server, handle);
  }
  return { few, crowds: crowds.values() };
}

/** Counts `handle` in the crowd of its server. */
function addTo<H>(crowds: Map<unknown, Crowd<H>>, server: unknown, handle: H): Crowd<H> {
  const crowd = crowds.get(server) ?? { server, first: handle, count: 0 };
  crowd.count += 1;
  crowds.set(server, crowd);
  return crowd;
}

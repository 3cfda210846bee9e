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
  for (const handle of handles) {
    const server = serverOf(handle);
    if (!server || ++accepted <= LOOKS) {
      few.push(handle);
      continue;
    }
    // Mostly of the same server as the one before it.
    if (latest?.server !== server) {
      latest = crowds.get(server) ?? { server, first: handle, count: 0 };
      crowds.set(server, latest);
    }
    latest.count += 1;
  }
  return { few, crowds: crowds.values() };
}

/** Among the handles of a process may be anything, also what throws at a look. */
function serverOf(handle: Accepted | null): unknown {
  try {
    return handle?.server;
  } catch {
    return undefined;
  }
}

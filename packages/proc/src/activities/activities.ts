import { describe } from '../check-options';
import type { Remover } from '../environment';
import { LastcallError } from '../lastcall-error';
import { countEach } from '../stop-outcome';
import type { Activity, ActivityStart } from './activity';

/** The sockets that a server has accepted. */
export interface AcceptedBy<Socket = unknown> {
  /** The first of them: where there are thousands, the others are only counted. */
  readonly sockets: readonly Socket[];
  readonly count: number;
  /** The first of those on which a request of HTTP/1 is being answered, or its body is still arriving. */
  readonly busy: readonly Socket[];
  readonly busyCount: number;
}

/** The sockets that keep the process alive, by the server that accepted them. */
export type AcceptedSockets = ReadonlyMap<unknown, AcceptedBy>;

/** What a source knows. */
export interface ActivitySample {
  /** How many there are of each kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** The oldest of them, as far as the source can tell. */
  readonly activities: readonly Activity[];
}

/**
 * Tells what is in flight, when asked: all of it or, where that may be thousands, at most `limit` activities and how many
 * there are. Who asks may know the sockets of the process already, and then a source need not list its own: that takes
 * a millisecond or two where there are thousands.
 */
export type ActivitySource = (
  limit: number,
  accepted?: AcceptedSockets,
) => Iterable<Activity> | ActivitySample;

/** What is in flight in this process, told by adapters and by the application. */
export interface Activities {
  /**
   * Notes that something has begun; the returned function notes its end. O(1), about 100 ns together: cheap enough for
   * each connection and each checkout.
   *
   * @example
   * const end = proc.activities.begin({ kind: 'job', name: 'send invoices' });
   * try { await sendInvoices(); } finally { end(); }
   * @throws LastcallError `LASTCALL_BAD_OPTION` without a kind and a name
   */
  begin(start: ActivityStart): Remover;
  /**
   * Has `source` asked when somebody looks: for work that is known anyway, as Node knows its connections. Costs nothing
   * before.
   * @throws LastcallError `LASTCALL_BAD_OPTION` when it is not a function
   */
  addSource(source: ActivitySource): Remover;
  /**
   * What is in flight, oldest first, what has no age last. A source that throws is left out, and named in `errors`.
   * @param limit - How many to list; the counts are of all. Default 1000.
   * @param accepted - For the sources, where they are listed already.
   */
  list(limit?: number, accepted?: AcceptedSockets): ActivityList;
}

/** What {@link Activities.list} gives. */
export interface ActivityList {
  /** How many there are of each kind. */
  readonly counts: Readonly<Record<string, number>>;
  readonly activities: readonly Activity[];
  /** What sources threw. */
  readonly errors: readonly Error[];
}

const DEFAULT_LIMIT = 1000;

/** A link of the ring of activities: beginning and ending one touches its neighbours alone. */
interface Link {
  previous: Link;
  next: Link;
  readonly start: ActivityStart | undefined;
  readonly startedAt: number;
}

/** Makes the registry of activities; `now` gives monotonic milliseconds. */
export function createActivities(now: () => number): Activities {
  const ring = createRing();
  const sources = new Set<{ readonly list: ActivitySource }>();

  function begin(start: ActivityStart): Remover {
    if (typeof start?.kind !== 'string' || typeof start.name !== 'string') throw notNamed(start);
    const link: Link = { previous: ring.previous, next: ring, start, startedAt: now() };
    ring.previous.next = link;
    ring.previous = link;
    return () => unlink(link);
  }

  function addSource(list: ActivitySource): Remover {
    if (typeof list !== 'function') throw notCallable(list);
    const source = { list };
    sources.add(source);
    return () => sources.delete(source);
  }

  /** The ring has the oldest first. */
  function listOwn(limit: number): ActivitySample {
    const at = now();
    const counts: Record<string, number> = {};
    const activities: Activity[] = [];
    for (let link = ring.next; link !== ring; link = link.next) {
      const { start, startedAt } = link;
      if (start === undefined) continue;
      counts[start.kind] = (counts[start.kind] ?? 0) + 1;
      if (activities.length < limit)
        activities.push({ ...start, ageMs: Math.round(at - startedAt) });
    }
    return { counts, activities };
  }

  function list(limit = DEFAULT_LIMIT, accepted?: AcceptedSockets): ActivityList {
    const counts: Record<string, number> = {};
    const activities: Activity[] = [];
    const errors: Error[] = [];
    for (const source of [{ list: listOwn as ActivitySource }, ...sources]) {
      try {
        const sample = toSample(source.list(limit, accepted));
        assertActivities(sample.activities);
        for (const [kind, count] of Object.entries(sample.counts))
          counts[kind] = (counts[kind] ?? 0) + count;
        for (const activity of sample.activities) activities.push(activity);
      } catch (thrown) {
        errors.push(sourceFailed(thrown));
      }
    }
    return { counts, activities: activities.sort(byAge).slice(0, limit), errors };
  }

  return Object.freeze({ begin, addSource, list });
}

function toSample(found: Iterable<Activity> | ActivitySample): ActivitySample {
  if (!(Symbol.iterator in found)) return found;
  const activities = [...found];
  return { counts: countEach(activities.map(({ kind }) => kind)), activities };
}

/** What one source gets wrong must not spoil the rest of the list. */
function assertActivities(activities: readonly Activity[]): void {
  for (const activity of activities) {
    const { kind, name, ageMs }: Activity = activity ?? {};
    const hasAge = ageMs === null || Number.isFinite(ageMs);
    if (typeof kind !== 'string' || typeof name !== 'string' || !hasAge)
      throw new TypeError(
        `it listed ${describe(activity)}, where an activity has a kind, a name and an ageMs`,
      );
  }
}

function createRing(): Link {
  const ring = { start: undefined, startedAt: 0 } as unknown as Link;
  ring.previous = ring;
  ring.next = ring;
  return ring;
}

/** Ending an activity twice does nothing the second time. */
function unlink(link: Link): void {
  link.previous.next = link.next;
  link.next.previous = link.previous;
  link.previous = link;
  link.next = link;
}

function byAge(a: Activity, b: Activity): number {
  return (b.ageMs ?? -1) - (a.ageMs ?? -1);
}

function sourceFailed(thrown: unknown): LastcallError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new LastcallError(
    'LASTCALL_ACTIVITY_SOURCE_FAILED',
    `a source of activities threw: ${message}; what it knows is missing from the list`,
    { cause: thrown },
  );
}

function notNamed(start: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `activities.begin() needs an object with a kind and a name, got ${describe(start)}`,
  );
}

function notCallable(list: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `activities.addSource() needs a function that lists activities, got ${describe(list)}`,
  );
}

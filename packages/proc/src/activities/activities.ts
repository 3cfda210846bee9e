import { describe } from '../check-options';
import type { Remover } from '../environment';
import { LastcallError } from '../lastcall-error';
import type { Activity, ActivityStart } from './activity';

/** Lists what is in flight, when asked. */
export type ActivitySource = () => Iterable<Activity>;

/** What is in flight in this process, told by adapters and by the application. */
export interface Activities {
  /**
   * Notes that something has begun; the returned function notes its end. O(1), about 100 ns together: cheap enough for
   * each connection and each checkout.
   *
   * @example
   * const end = proc.activities.begin({ kind: 'job', name: 'send invoices' });
   * try { await sendInvoices(); } finally { end(); }
   */
  begin(start: ActivityStart): Remover;
  /**
   * Has `source` asked when somebody looks: for work that is known anyway, as Node knows its connections. Costs nothing
   * before.
   * @throws LastcallError `LASTCALL_BAD_OPTION` when it is not a function
   */
  addSource(source: ActivitySource): Remover;
  /** Everything in flight, oldest first, what has no age last. A source that throws is left out, and named in `errors`. */
  list(): ActivityList;
}

/** What {@link Activities.list} gives. */
export interface ActivityList {
  readonly activities: readonly Activity[];
  /** What sources threw. */
  readonly errors: readonly Error[];
}

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

  function list(): ActivityList {
    const at = now();
    const activities: Activity[] = [];
    const errors: Error[] = [];
    for (let link = ring.next; link !== ring; link = link.next) {
      if (link.start !== undefined)
        activities.push({ ...link.start, ageMs: Math.round(at - link.startedAt) });
    }
    for (const source of sources) collect(source.list, activities, errors);
    return { activities: activities.sort(byAge), errors };
  }

  return Object.freeze({ begin, addSource, list });
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

function collect(list: ActivitySource, activities: Activity[], errors: Error[]): void {
  try {
    for (const activity of list()) activities.push(activity);
  } catch (thrown) {
    errors.push(sourceFailed(thrown));
  }
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

function notCallable(list: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `activities.addSource() needs a function that lists activities, got ${describe(list)}`,
  );
}

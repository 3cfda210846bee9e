/** Work in flight that an adapter tells of: a request, a query, a job. Plain data; no values of the application's. */
export interface Activity {
  /** What kind of work: `http request`, `pg query`, `job`. */
  readonly kind: string;
  /** Which one: `GET /orders/7`, the name of a queue. */
  readonly name: string;
  /** The adapter's part it belongs to: a server's or pool's name. */
  readonly owner?: string | undefined;
  /** How far it is: `uploading`, `waiting`. */
  readonly state?: string | undefined;
  /** `address:port` of the other side. */
  readonly peer?: string | undefined;
  /** For how long it has been in flight, in milliseconds; null when nothing was noted at its begin. */
  readonly ageMs: number | null;
  /** Whether it is older than `ageMs`, nobody knows by how much: nothing was noted at its begin, and it was seen later. */
  readonly ageAtLeast?: boolean | undefined;
}

/** What {@link Activities.begin} is told. */
export interface ActivityStart {
  readonly kind: string;
  readonly name: string;
  readonly owner?: string | undefined;
  readonly peer?: string | undefined;
}

/**
 * How far a request had got: `half-read headers`, `uploading` (its body was still arriving), `waiting` (for the header
 * of its response), `responding` (the header was sent), `upgraded` (it had become a WebSocket, another protocol or a
 * tunnel).
 */
export type CutState = 'half-read headers' | 'uploading' | 'waiting' | 'responding' | 'upgraded';

/** A request that the hammer cut. */
export interface CutRequest {
  /** `http/1.1`, `http/1.0`, `h2`, `websocket`, `connect`, or the value of the `Upgrade` header. */
  readonly protocol: string;
  /** Undefined when it is not known: half-read headers, or a stream of an app that has no `'request'` listener. */
  readonly method: string | undefined;
  /** Target of the request, as sent. Undefined when it is not known. */
  readonly path: string | undefined;
  /**
   * For how long it was in flight, in milliseconds. Nothing is noted about a request before the drain, so for one that
   * is older this is the time since `wrapUp()` (HTTP/1) or `stop()` (HTTP/2), and `ageAtLeast` is true.
   */
  readonly ageMs: number;
  /** Whether it is older than `ageMs`, nobody knows by how much. */
  readonly ageAtLeast?: boolean;
  /** `address:port` of the client, or `unix`. */
  readonly peer: string;
  readonly state: CutState;
}

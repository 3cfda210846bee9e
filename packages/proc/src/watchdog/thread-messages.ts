import type { BlockedLoop } from './blocked-loop';

/** What the watchdog's thread is started with. */
export interface ThreadConfig {
  readonly memory: SharedArrayBuffer;
  readonly thresholdMs: number;
  /** Time between two beats, and between two looks at them, in milliseconds. */
  readonly beatMs: number;
  readonly profileMs: number;
  readonly intervalMs: number;
  readonly files: { readonly dir?: string | undefined; readonly name: string } | null;
  readonly announce: boolean;
  /** Name of the global function through which the thread calls the host in the middle of a block. */
  readonly hookKey: string;
}

/** What the main thread tells the watchdog's. */
export interface ToThread {
  readonly type: 'stop';
  /** Times of `monotonicMs()`. */
  readonly hammerAtMs: number;
  readonly waitAtMs: number;
}

/** What the watchdog's thread tells the main thread. */
export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'blocked'; readonly block: BlockedLoop };

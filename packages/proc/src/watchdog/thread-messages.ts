import type { MessagePort } from 'node:worker_threads';
import type { BlockedLoop } from './blocked-loop';
import type { StackAnswer, StackQuestion } from './main-thread-stack';

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
export type ToThread =
  | StackQuestion
  | { readonly type: 'connect'; readonly port: MessagePort }
  /** Times of `monotonicMs()`. */
  | { readonly type: 'stop'; readonly hammerAtMs: number; readonly waitAtMs: number };

/** What the watchdog's thread tells the main thread. */
export type FromThread =
  | StackAnswer
  | { readonly type: 'ready' }
  | { readonly type: 'blocked'; readonly block: BlockedLoop };

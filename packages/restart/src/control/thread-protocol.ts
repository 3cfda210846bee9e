import type { ControlRequest, ProcessStatus } from './protocol';

/** What the worker thread is started with. */
export interface ThreadSettings {
  readonly path: string;
  readonly status: ProcessStatus;
  /** Whether the worker may connect to the main thread's inspector. */
  readonly inspectable: boolean;
  /** Where the worker says that it has written the last answers. */
  readonly written: SharedArrayBuffer;
}

/** From the worker to the main thread. */
export type ToMain =
  | { readonly type: 'listening' }
  | { readonly type: 'refused'; readonly code: string | null; readonly message: string }
  | { readonly type: 'ask'; readonly key: number; readonly request: ControlRequest }
  /** Whoever asked has gone. */
  | { readonly type: 'forget'; readonly key: number };

/** From the main thread to the worker. */
export type ToWorker =
  /** The main thread turns: it has taken the question up. */
  | { readonly type: 'taken'; readonly key: number }
  | { readonly type: 'progress'; readonly key: number; readonly text: string }
  | { readonly type: 'answer'; readonly key: number; readonly value: unknown }
  | {
      readonly type: 'failed';
      readonly key: number;
      readonly code: string | null;
      readonly message: string;
    }
  /** Not asked for: the state has changed. */
  | { readonly type: 'status'; readonly status: ProcessStatus }
  /** The process is about to end: write what there is, and say so. */
  | { readonly type: 'last' }
  | { readonly type: 'close' };

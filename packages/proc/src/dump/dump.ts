import type { DumpDocument } from './dump-document';

/** Options of {@link Lifecycle.dump}. */
export interface DumpOptions {
  /** What the dump gives as its reason. Default `call`. */
  readonly reason?: string | undefined;
  /**
   * Whether to look for the await sites, which stops the process for a moment (about 2 µs per object of the heap):
   * `auto` where an estimate allows it, `always`, `never`. Default `auto`.
   */
  readonly awaits?: 'auto' | 'always' | 'never' | undefined;
  /**
   * What the dump says of how to have the await sites that it left out to spare the process. Default: by the signal, by this
   * option, or by `lastcall dump --awaits always`. For those who offer dumps in another way.
   */
  readonly howToInsist?: string | undefined;
  /** Whether to write files into `dumpDir`, as SIGUSR1 does. Default true. */
  readonly write?: boolean | undefined;
}

/** A dump, as text for people, as data, and as the files that were written. */
export interface DumpResult {
  readonly text: string;
  readonly json: DumpDocument;
  /** Paths: the text, and the JSON. Empty when nothing was written. */
  readonly files: readonly string[];
  /** The text. */
  toString(): string;
}

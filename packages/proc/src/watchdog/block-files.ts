import { writeSync } from 'node:fs';
import { DumpFiles } from '../dump-files/dump-files';
import type { BlockedLoop } from './blocked-loop';
import { formatBlock, formatBlockLine } from './format-block';
import type { ThreadConfig } from './thread-messages';

/** The least time between the files of two blocks, in milliseconds: they must not crowd out the other dumps. */
const MIN_GAP_MS = 60_000;

/** How the report of a block leaves the process while the main thread cannot: files, and a line on stderr. */
export class BlockFiles {
  readonly #files: DumpFiles | null;
  readonly #announces: boolean;
  #written: { readonly at: number; readonly afterMs: number } | null = null;

  constructor({ files, announce }: Pick<ThreadConfig, 'files' | 'announce'>) {
    this.#files = files === null ? null : new DumpFiles(files);
    this.#announces = announce;
  }

  /**
   * Writes the block as text; the paths of what was written.
   *
   * @param endsProcess - why the watchdog ends the process, or null when it does not; then files are rationed
   */
  writeText(block: BlockedLoop, endsProcess: string | null): string[] {
    const mayWrite = endsProcess !== null || this.#mayWrite(block);
    const text = formatBlock(block, endsProcess);
    const paths = mayWrite ? this.#write('block', 'txt', text, block.at) : [];
    const last = [...(endsProcess === null ? [] : [endsProcess]), ...paths];
    const line = [formatBlockLine(block), ...last].join('; ');
    if (this.#announces) sayOnStderr(`lastcall: ${line}`);
    return paths;
  }

  /** Writes the profile of a block whose text was written. */
  writeProfile(block: BlockedLoop): string[] {
    if (block.profile === null || this.#written?.at !== block.at) return [];
    return this.#write('block', 'cpuprofile', JSON.stringify(block.profile), block.at);
  }

  #mayWrite({ at }: BlockedLoop): boolean {
    const now = performance.now();
    const isSame = this.#written?.at === at;
    if (!isSame && this.#written !== null && now - this.#written.afterMs < MIN_GAP_MS) return false;
    this.#written = { at, afterMs: now };
    return true;
  }

  #write(kind: string, extension: string, content: string, at: number): string[] {
    try {
      return this.#files === null ? [] : [this.#files.write(kind, extension, content, at).path];
    } catch (error) {
      // A full disk does not end the watch, and who could be told is blocked.
      if (this.#announces) sayOnStderr(`lastcall: ${(error as Error).message}`);
      return [];
    }
  }
}

function sayOnStderr(line: string): void {
  try {
    // console and process.stderr of a worker go through the main thread.
    writeSync(2, `${line}\n`);
  } catch {
    // A full pipe, or none.
  }
}

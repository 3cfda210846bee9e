import { writeSync } from 'node:fs';
import { DumpFiles } from '../dump-files/dump-files';
import type { BlockedLoop } from './blocked-loop';
import { formatBlock, formatBlockLine } from './format-block';
import type { ThreadConfig } from './thread-messages';

/** The least time between the files of two blocks, in milliseconds: they must not crowd out the other dumps. */
const MIN_GAP_MS = 60_000;

/** A block so many times as long as the latest with files has files at once: it matters more. */
const LONGER_FACTOR = 2;

/** The latest block that has files. */
interface WrittenBlock {
  readonly at: number;
  readonly phase: BlockedLoop['phase'];
  readonly afterMs: number;
  /** How long it was when it was last looked at. */
  readonly blockedMs: number;
}

/** How the report of a block leaves the process while the main thread cannot: files, and a line on stderr. */
export class BlockFiles {
  readonly #files: DumpFiles | null;
  readonly #announces: boolean;
  #written: WrittenBlock | null = null;

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
    const mayWrite = endsProcess !== null || this.mayWrite(block);
    if (mayWrite) this.note(block);
    const text = formatBlock(block, endsProcess);
    const paths = mayWrite ? this.#write('block', 'txt', text, block.at) : [];
    const last = [...(endsProcess === null ? [] : [endsProcess]), ...paths];
    const line = [formatBlockLine(block), ...last].join('; ');
    if (this.#announces) sayOnStderr(`lastcall: ${line}`);
    return paths;
  }

  /** Writes the profile of a block whose text was written. */
  writeProfile(block: BlockedLoop): string[] {
    if (block.profile === null || !this.hasTurn(block)) return [];
    return this.#write('block', 'cpuprofile', JSON.stringify(block.profile), block.at);
  }

  /**
   * Whether the block has its turn: the latest one with files is a minute ago, was of another phase (a slow start takes
   * nobody's turn), or was not half as long as this one is by now.
   */
  mayWrite({ at, phase, blockedMs }: BlockedLoop): boolean {
    const written = this.#written;
    if (written === null || written.at === at || written.phase !== phase) return true;
    if (blockedMs >= written.blockedMs * LONGER_FACTOR) return true;
    return performance.now() - written.afterMs >= MIN_GAP_MS;
  }

  /** Whether the block has had its turn. */
  hasTurn({ at }: BlockedLoop): boolean {
    return this.#written?.at === at;
  }

  /** The block has its turn; or, when it has it already, lasts. */
  note({ at, phase, blockedMs }: BlockedLoop): void {
    const written = this.#written;
    const afterMs = written?.at === at ? written.afterMs : performance.now();
    this.#written = { at, phase, afterMs, blockedMs };
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

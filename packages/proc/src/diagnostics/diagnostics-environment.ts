import type { AwaitSites, AwaitSitesOptions } from '../await-sites/await-sites';
import type { LoopRecord, MemoryRecord, ProcessRecord } from '../dump/dump-document';
import type { Profiler } from '../profile/profiler';
import type { Watchdog, WatchdogHost, WatchdogOptions } from '../watchdog/watchdog';

/** Writes a file of diagnostics, safely. */
export interface DumpFileWriter {
  /** @throws LastcallError when it could not be written */
  write(
    kind: string,
    extension: string,
    content: string,
    /** When it was taken, in milliseconds since the epoch. Files that belong together share it. */
    at?: number,
  ): { readonly path: string };
}

/** What diagnostics ask of the process and the operating system; replaceable, as {@link Environment} is. */
export interface DiagnosticsEnvironment {
  /** What a service is called that has no name. */
  defaultName(): string;
  process(name: string): ProcessRecord;
  /** The handles that keep the process alive (`process._getActiveHandles()`). */
  handles(): readonly unknown[];
  memory(): MemoryRecord;
  /** Watches the event loop for `forMs`, unless it is 0. */
  loop(forMs: number): Promise<LoopRecord>;
  findAwaitSites(options: AwaitSitesOptions): Promise<AwaitSites>;
  dumpFiles(options: { readonly dir: string | undefined; readonly name: string }): DumpFileWriter;
  createProfiler(): Profiler;
  startWatchdog(options: WatchdogOptions, host: WatchdogHost): Watchdog;
}

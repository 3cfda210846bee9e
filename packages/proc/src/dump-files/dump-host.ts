/** The calls of `node:fs` that writing, checking and pruning dump files needs. */
export type DumpFileSystem = Pick<
  typeof import('node:fs'),
  | 'closeSync'
  | 'fchmodSync'
  | 'fsyncSync'
  | 'linkSync'
  | 'lstatSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'renameSync'
  | 'statSync'
  | 'statfsSync'
  | 'unlinkSync'
  | 'writeSync'
>;

/** What dump files ask of the operating system; replaceable, so that tests can make any of it fail. */
export interface DumpHost {
  readonly pid: number;
  /** The user whom new files belong to; undefined where users have no numbers (Windows). */
  readonly uid: number | undefined;
  readonly files: DumpFileSystem;
  hostname(): string;
  /** The directory for temporary files. */
  temporaryDirectory(): string;
  /** Milliseconds since the epoch. */
  wallClock(): number;
  /** Whether a process with this id runs on this host, whoever owns it. */
  isAlive(pid: number): boolean;
}

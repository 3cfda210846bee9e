import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliResult, runCli } from '../run-cli';
import { type RunOptions, runService, type SupervisedService } from './run-service';

/** Where the tests of a file run `lastcall`: each has a folder of its own for control sockets and dumps. */
export interface CommandRoom {
  readonly folder: string;
  /** Runs `lastcall` in this process. */
  lastcall(...argv: string[]): Promise<CliResult>;
  /** A service under `lastcall run`. */
  run(options?: Omit<RunOptions, 'folder'>): SupervisedService;
}

/** To be called once per file, outside of the tests. */
export function commandRoom(): CommandRoom {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lastcall-cli-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return {
    get folder() {
      return folder;
    },
    lastcall: (...argv) =>
      runCli(argv, { env: (name) => (name === 'LASTCALL_CONTROL_DIR' ? folder : undefined) }),
    run: (options = {}) => runService({ folder, ...options }),
  };
}

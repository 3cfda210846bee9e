import { join } from 'node:path';
import { type Plan, Service } from '../../../restart/test/harness/service';

const BIN = join(__dirname, '..', '..', 'bin', 'lastcall.js');

export interface RunOptions {
  /** Where control socket and dumps go. */
  readonly folder: string;
  readonly options?: readonly string[];
  readonly plan?: Plan;
  readonly fixture?: string;
  readonly env?: Record<string, string>;
  readonly deadlineMs?: number;
  /** The working directory. */
  readonly cwd?: string;
  /** What stands in front of `lastcall run`. */
  readonly under?: readonly string[];
  /** What runs the fixture. Default: this Node. */
  readonly program?: string;
  /** What stands between `lastcall run` and the program. */
  readonly launcher?: readonly string[];
}

/** A service under `lastcall run`. */
export function runService({
  folder,
  options = [],
  plan = {},
  fixture,
  env,
  under = [],
  program,
  launcher = [],
  deadlineMs = 25_000,
  cwd,
}: RunOptions): Service {
  return new Service({
    plan,
    deadlineMs,
    ...(fixture === undefined ? {} : { fixture }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(program === undefined ? {} : { execPath: program }),
    under: [
      ...under,
      process.execPath,
      BIN,
      'run',
      '--bake',
      '100ms',
      ...options,
      '--',
      ...launcher,
    ],
    env: { LASTCALL_CONTROL_DIR: folder, LASTCALL_DUMP_DIR: join(folder, 'dumps'), ...env },
  });
}

export const supervisorOf = ({ child }: Service): number => child.pid as number;

/** How the supervisor ended, when all that it and its workers have written has been read. */
export async function endOf({
  child,
  closed,
}: Service): Promise<[number | null, NodeJS.Signals | null]> {
  await closed;
  return [child.exitCode, child.signalCode];
}

/** The processes of all workers that are ready in a generation. */
export function workersOf(service: Service, generation: number, count: number): Promise<number[]> {
  return service.when(`${count} workers of generation ${generation}`, () => {
    const ready = service.events.filter((event) => event.generation === generation && event.ready);
    return ready.length >= count ? ready.map(({ pid }) => pid) : undefined;
  });
}

import { join } from 'node:path';
import { logged } from '../../../restart/test/harness/logged';
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
export class SupervisedService extends Service {
  /** The process of a generation, once it is ready and the supervisor knows that the service is up. */
  override async ready(generation: number): Promise<number> {
    const pid = await super.ready(generation);
    if (generation === 1) await isUp(this);
    return pid;
  }

  /** The process that the supervisor has started to take over, whether or not it has said anything yet. */
  async started(generation: number): Promise<number> {
    const line = await logged(this, new RegExp(`process \\d+ starts as generation ${generation}`));
    const pid = Number(/\d+/.exec(line)?.[0]);
    this.track(pid);
    return pid;
  }
}

/**
 * Resolves when the supervisor has heard that all workers are ready, with all their sockets: what they say themselves comes before
 * that. Until then it refuses to replace them, and takes an end for a start that failed.
 */
async function isUp(service: Service): Promise<void> {
  await logged(service, /the worker is ready|\d+ workers are ready/);
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
}: RunOptions): SupervisedService {
  return new SupervisedService({
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

/** The processes of all workers of a generation, once they are ready; of the first one, once the supervisor knows it. */
export async function workersOf(
  service: Service,
  generation: number,
  count: number,
): Promise<number[]> {
  if (generation === 1) await isUp(service);
  return service.when(`${count} workers of generation ${generation}`, () => {
    const ready = service.events.filter((event) => event.generation === generation && event.ready);
    return ready.length >= count ? ready.map(({ pid }) => pid) : undefined;
  });
}

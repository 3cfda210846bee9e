import { LastcallError } from '@lastcall/proc';
import { InvalidArgumentError, Option } from 'commander';
import type { CliEnvironment } from '../cli-environment';
import type { Printer } from '../printer';
import { askControl } from './control-client';
import { findTarget, type Target } from './find-target';

const TIMEOUT_MS = 5000;

/** An option for commands that ask one process. */
export function workerOption(): Option {
  const description = 'which worker of lastcall run, as lastcall status numbers them';
  return new Option('--worker <number>', description).argParser(parseNumber);
}

function parseNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it must be a number, from 0 on.');
}

/**
 * The process that can say something of itself: of `lastcall run` one of its workers, which is told to the user.
 *
 * @param wanted - The number of the worker; not needed where there is one alone
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_USAGE` where it does not say which one
 */
export async function workerOf(
  environment: CliEnvironment,
  printer: Printer,
  target: Target,
  wanted: number | undefined,
): Promise<Target> {
  if (target.control?.role !== 'supervisor') {
    if (wanted === undefined) return target;
    throw usage(`process ${target.pid} is no lastcall run: leave --worker out`);
  }
  const all = await workersOf(target.control.path);
  const [one, another] = all.filter(({ slot }) => wanted === undefined || slot === wanted);
  if (one === undefined || another !== undefined) {
    const known = all.map(({ slot, pid }) => `--worker ${slot} (process ${pid})`).join(', ');
    const what =
      wanted === undefined
        ? `say which worker of process ${target.pid} is meant`
        : `process ${target.pid} has no worker ${wanted}`;
    throw usage(`${what}: ${known || 'none runs now'}`);
  }
  printer.progress(`worker ${one.slot} is process ${one.pid}`);
  return findTarget(environment, String(one.pid));
}

async function workersOf(path: string): Promise<{ slot: number; pid: number }[]> {
  const options = { timeoutMs: TIMEOUT_MS, progress: () => {} };
  const status = await askControl<'status'>(path, { command: 'status' }, options);
  const workers = status?.role === 'supervisor' ? status.workers : [];
  return workers.flatMap(({ slot, pid }) => (pid === null ? [] : [{ slot, pid }]));
}

function usage(message: string): LastcallError {
  return new LastcallError('LASTCALL_CLI_USAGE', message);
}

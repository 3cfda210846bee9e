import { LastcallError } from '@lastcall/proc';
import {
  type ControlAddress,
  controlName,
  type ProcessStatus,
  type SupervisorStatus,
} from '@lastcall/restart/control';
import { askControl } from './control-client';

/**
 * The control socket of whoever has that name; null when nobody has. A supervisor comes before its workers, and in a chain the
 * process that leads before one that starts to take over, and those that have been replaced.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_USAGE` where several have it all the same
 */
export async function findNamed(
  name: string,
  controls: readonly ControlAddress[],
): Promise<ControlAddress | null> {
  const known = await controlsCalled(name, controls);
  const found = known.length > 0 ? known : await controlsNamedLater(name, controls);
  const supervisors = found.filter(({ role }) => role === 'supervisor');
  const all = supervisors.length > 0 ? supervisors : await leadersOf(found);
  const [control = null, other] = all;
  if (other === undefined) return control;
  throw new LastcallError(
    'LASTCALL_CLI_USAGE',
    `several processes are called '${name}': ${all.map(({ pid }) => pid).join(', ')}; name one by its pid`,
  );
}

/** The name as the path has it will do, as lists and shells offer it; what a path has no room for, the process itself says. */
export async function controlsCalled(
  name: string,
  controls: readonly ControlAddress[],
): Promise<ControlAddress[]> {
  const part = controlName(name);
  const similar = controls.filter((one) => one.name === part);
  if (part === name) return similar;
  const all = await Promise.all(similar.map(statusOf));
  return similar.filter((_, index) => all[index]?.process.name === name);
}

/** Those that say so themselves: they were given the name after their sockets were made. A worker's stands for its supervisor. */
async function controlsNamedLater(
  name: string,
  controls: readonly ControlAddress[],
): Promise<ControlAddress[]> {
  const all = await Promise.all(controls.map(statusOf));
  const named = controls.filter((_, index) => all[index]?.process.name === name);
  const supervisorOf = (pid: number): ControlAddress | undefined =>
    controls.find((_, index) => {
      const status = all[index];
      return status?.role === 'supervisor' && status.workers.some((worker) => worker.pid === pid);
    });
  return [...new Set(named.map((control) => supervisorOf(control.pid) ?? control))];
}

/** Of a chain the generation that leads. Two while the new one is yet to prove itself: to stop one is not to stop the other. */
async function leadersOf(controls: readonly ControlAddress[]): Promise<readonly ControlAddress[]> {
  if (controls.length < 2) return controls;
  const all = await Promise.all(controls.map(statusOf));
  const generations = all.map((status) => (status?.role === 'service' ? status.restart : null));
  const coming = generations.map((one) => (one?.state === 'upgrading' ? one.successorPid : null));
  return controls.filter(({ pid }, index) => {
    const state = generations[index]?.state;
    return state !== 'replaced' && !(state === 'starting' && coming.includes(pid));
  });
}

const STATUS_MS = 5000;

/** Undefined when it does not say. */
async function statusOf({
  path,
}: ControlAddress): Promise<ProcessStatus | SupervisorStatus | undefined> {
  const options = { timeoutMs: STATUS_MS, progress: () => {} };
  return askControl<'status'>(path, { command: 'status' }, options).catch(() => undefined);
}

import { HANDOVER_VARIABLE, type Handover } from '@lastcall/restart/handover';
import type { CliEnvironment } from '../cli-environment';
import { environmentOf, processFacts } from './process-facts';

/** Who has started a worker, and replaces it. */
export interface WorkerSupervisor {
  readonly pid: number;
  readonly lives: boolean;
  /** Whether it is `lastcall run`; another program may speak the protocol. */
  readonly isLastcallRun: boolean;
}

/** A worker may be started by a script that does not replace itself by it. */
const MOST_BETWEEN = 5;

/** Whether a process is `lastcall run`. */
export function isLastcallRun(environment: CliEnvironment, pid: number): boolean {
  const { args = [] } = processFacts(environment, pid) ?? {};
  const at = args.findIndex((arg) => /(^|\/)lastcall(\.js)?$/.test(arg));
  return at !== -1 && args[at + 1] === 'run';
}

/** The supervisor of a process; null where it has none, or the system does not tell what it was started with. */
export function supervisorOf(environment: CliEnvironment, pid: number): WorkerSupervisor | null {
  const { topology, parentPid } = parse(environmentOf(environment, pid)[HANDOVER_VARIABLE]) ?? {};
  if (topology !== 'supervised' || parentPid === undefined) return null;
  const parents = parentsOf(environment, pid);
  const found = parents.find((parent) => isLastcallRun(environment, parent));
  if (found !== undefined) return { pid: found, lives: true, isLastcallRun: true };
  const lives = parents[0] === parentPid && !isEnding(environment, parentPid);
  return { pid: parentPid, lives, isLastcallRun: false };
}

/** One that has been killed loses its memory first, then its channels, and only then its place as the parent. */
function isEnding(environment: CliEnvironment, pid: number): boolean {
  const facts = processFacts(environment, pid);
  return facts === null || facts.isZombie || facts.args.length === 0;
}

/** By what the system says: in a container the worker knows its parent by another pid than we do. */
function parentsOf(environment: CliEnvironment, pid: number): number[] {
  const parents: number[] = [];
  let parent = processFacts(environment, pid)?.ppid ?? 0;
  while (parent > 0 && parents.length < MOST_BETWEEN) {
    parents.push(parent);
    parent = processFacts(environment, parent)?.ppid ?? 0;
  }
  return parents;
}

function parse(text: string | undefined): Partial<Handover> | null {
  try {
    return JSON.parse(text ?? 'null') as Partial<Handover> | null;
  } catch {
    return null;
  }
}

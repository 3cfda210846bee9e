import { readdirSync, readlinkSync } from 'node:fs';
import type { RestartEnvironment } from '@lastcall/restart/handover';
import { processFacts } from '../target/process-facts';

/** A process of a session. Where the system does not list any, one stands for the group: its pid is negative, as `kill` has it. */
export interface SessionProcess {
  readonly pid: number;
  readonly program: string;
  /** Whether SIGTERM is handled; null where the system does not tell. */
  readonly handlesTerm: boolean | null;
}

/**
 * The live processes of the session that process `leader` has led, once it has ended. A shell may have put some of them into
 * groups of their own. Those that have made a session of their own are not among them: daemons do that.
 */
export function sessionProcesses(
  environment: RestartEnvironment,
  leader: number,
): readonly SessionProcess[] {
  const pids = listPids(environment);
  if (pids === null) return groupOf(environment, leader);
  const members = pids.filter((pid) => isOfSession(environment, pid, leader));
  // The number is free once the session is empty: one that has it now leads another session.
  if (members.includes(leader)) return [];
  return members.map((pid) => ({
    pid,
    program: environment.programOf(pid) ?? '?',
    handlesTerm: processFacts(environment, pid)?.caught?.has('SIGTERM') ?? null,
  }));
}

/** Whether that one still lives. */
export function isOfSession(environment: RestartEnvironment, pid: number, leader: number): boolean {
  if (pid < 0) return environment.kill(pid, 0);
  const stat = environment.readText(`/proc/${pid}/stat`);
  // Behind the program's name in parentheses: state, parent, group, session.
  const [state, , , session] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return Number(session) === leader && state !== 'Z' && state !== 'X';
}

function listPids(environment: RestartEnvironment): number[] | null {
  try {
    // That of another namespace means other processes by its numbers.
    if (readlinkSync('/proc/self') !== String(environment.pid)) return null;
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return null;
  }
}

function groupOf(environment: RestartEnvironment, leader: number): readonly SessionProcess[] {
  if (!environment.kill(-leader, 0)) return [];
  return [{ pid: -leader, program: 'a process group', handlesTerm: null }];
}

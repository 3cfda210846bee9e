import { hostname } from 'node:os';
import { LastcallError } from '@lastcall/proc';
import {
  type ControlHandler,
  type ControlServer,
  controlDirectory,
  controlPath,
  type OtherWorkerStatus,
  type ReloadAnswer,
  type SupervisorStatus,
  type SupervisorStop,
  serveControl,
} from '@lastcall/restart/control';
import type { HeldSockets } from './held-sockets';
import type { RunSettings } from './run-settings';
import type { Slot } from './slot';
import type { Supervisor } from './supervisor';
import type { Progress } from './supervisor-parts';
import type { Worker } from './worker';

/** Serves a control socket for the service as a whole. Rejects as `serveControl()` does. */
export function serveSupervisor(
  supervisor: Supervisor,
  sockets: HeldSockets,
  settings: RunSettings,
): Promise<ControlServer> {
  const path = controlPath(controlDirectory(), settings.name, process.pid, 'supervisor');
  const handle: ControlHandler = async (request, progress) => {
    switch (request.command) {
      case 'status':
        return statusOf(supervisor, sockets, settings);
      case 'reload':
        return reload(supervisor, settings, progress);
      case 'stop':
        return stop(supervisor, progress);
      default:
        throw new LastcallError(
          'LASTCALL_CLI_IMPOSSIBLE',
          `a supervisor has nothing to ${request.command}; name a worker by its pid: ${supervisor.slots.map(({ worker }) => worker?.pid ?? '-').join(', ')}`,
        );
    }
  };
  return serveControl(path, handle);
}

async function reload(
  supervisor: Supervisor,
  { killTimeoutMs }: RunSettings,
  progress: Progress,
): Promise<ReloadAnswer> {
  const pids = await supervisor.upgrade(progress);
  const draining = supervisor.slots.flatMap((slot) => slot.draining.map(({ pid }) => pid));
  return { pids, draining, drainMs: killTimeoutMs };
}

/** Once it stops, another stop would be the second signal, which cuts: who asks again waits. */
async function stop(supervisor: Supervisor, progress: Progress): Promise<SupervisorStop> {
  const startedAt = performance.now();
  const living = supervisor.living;
  if (supervisor.state !== 'stopping') supervisor.stop('SIGTERM');
  progress('stopping the workers');
  const workers = await Promise.all(
    living.map(async (worker) => worker.stopOf(await worker.ended)),
  );
  await supervisor.ended;
  return {
    ok: workers.every(({ ok }) => ok),
    durationMs: Math.round(performance.now() - startedAt),
    workers,
  };
}

function statusOf(
  supervisor: Supervisor,
  sockets: HeldSockets,
  { name, command }: RunSettings,
): SupervisorStatus {
  return {
    role: 'supervisor',
    process: {
      name,
      pid: process.pid,
      host: hostname(),
      node: process.version,
      uptimeMs: Math.round(process.uptime() * 1000),
    },
    state: supervisor.state,
    command,
    workers: supervisor.slots.map((slot) => ({
      slot: slot.index,
      pid: slot.worker?.pid ?? null,
      state: slot.worker === null ? emptyState(slot) : stateOf(supervisor, slot.worker),
      generation: slot.generation,
      restarts: slot.restarts,
      uptimeMs: slot.worker?.uptimeMs ?? null,
      successor: slot.successor === null ? null : otherStatus(slot.successor),
      draining: slot.draining.map(otherStatus),
    })),
    sockets: sockets.list(),
  };
}

/** Of a program that has said nothing yet one cannot tell whether it ever will: it runs, that is all. */
function stateOf({ knowsRestart }: Supervisor, { state }: Worker): string {
  return state === 'starting' && !knowsRestart ? 'running' : state;
}

/** Whether somebody is to come, or nobody by itself. */
function emptyState({ isVacant, generation }: Slot): string {
  return isVacant && generation > 0 ? 'vacant' : 'waiting';
}

function otherStatus({ pid, generation, state, uptimeMs }: Worker): OtherWorkerStatus {
  return { pid, generation, state, uptimeMs };
}

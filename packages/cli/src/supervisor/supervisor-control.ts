import { hostname } from 'node:os';
import { LastcallError } from '@lastcall/proc';
import {
  type ControlHandler,
  type ControlServer,
  controlDirectory,
  controlPath,
  type SupervisorStatus,
  serveControl,
} from '@lastcall/restart/control';
import type { HeldSockets } from './held-sockets';
import type { RunSettings } from './run-settings';
import type { Supervisor } from './supervisor';

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
        return { pids: await supervisor.upgrade(progress) };
      case 'stop':
        supervisor.stop('SIGTERM');
        progress('stopping the workers');
        await supervisor.ended;
        return null;
      default:
        throw new LastcallError(
          'LASTCALL_CLI_IMPOSSIBLE',
          `a supervisor has nothing to ${request.command}; name a worker by its pid: ${supervisor.slots.map(({ worker }) => worker?.pid ?? '-').join(', ')}`,
        );
    }
  };
  return serveControl(path, handle);
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
    workers: supervisor.slots.map(({ index, worker, generation, restarts }) => ({
      slot: index,
      pid: worker?.pid ?? null,
      state: worker === null ? 'waiting' : worker.state,
      generation,
      restarts,
      uptimeMs: worker?.uptimeMs ?? null,
    })),
    sockets: sockets.list(),
  };
}

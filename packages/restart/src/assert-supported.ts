import { LastcallError } from '@lastcall/proc';
import type { RestartEnvironment } from './restart-environment';

/** Programs that run as PID 1 for a child, and end, with all others, when it ends. */
const SINGLE_CHILD_INITS = ['tini', 'docker-init', 'dumb-init', 'catatonit'];

/**
 * Refuses where a process cannot start its successor and leave.
 *
 * @throws LastcallError `LASTCALL_UPGRADE_UNSUPPORTED`
 */
export function assertSupported(environment: RestartEnvironment): void {
  const why = obstacle(environment);
  if (why === null) return;
  throw new LastcallError(
    'LASTCALL_UPGRADE_UNSUPPORTED',
    `this process cannot be upgraded: ${why}`,
  );
}

function obstacle(environment: RestartEnvironment): string | null {
  const { platform, isBun, isMainThread, isClusterWorker, pid, ppid } = environment;
  if (platform === 'win32') return 'Windows does not pass listening sockets on';
  if (isBun) return 'Bun cannot listen on a descriptor; use Node';
  if (!isMainThread) return 'a worker thread has no successor; upgrade from the main thread';
  if (isClusterWorker)
    return 'the sockets of a cluster worker belong to the primary; replace node:cluster by `lastcall run --workers`';
  if (pid === 1)
    return 'as PID 1 its end would end the container, its successor included; start it as `lastcall run -- node app.js`';
  const init = ppid === 1 ? environment.programOf(1) : null;
  if (init !== null && SINGLE_CHILD_INITS.includes(init))
    return `${init} ends the container when this process ends; start it as \`lastcall run -- node app.js\``;
  return null;
}

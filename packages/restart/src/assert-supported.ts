import { LastcallError } from '@lastcall/proc';
import type { RestartEnvironment } from './restart-environment';

/** Programs that run as PID 1 for a child, and end, with all others, when it ends. */
const SINGLE_CHILD_INITS = ['tini', 'docker-init', 'dumb-init', 'catatonit', 'lastcall-init'];

/**
 * Refuses where a process cannot start its successor and leave.
 *
 * @throws LastcallError `LASTCALL_UPGRADE_UNSUPPORTED`
 */
export function assertSupported(environment: RestartEnvironment, generation = 1): void {
  // Later ones were started by the one before: it was no child of PID 1, whatever has adopted them since.
  const why = obstacle(environment) ?? (generation > 1 ? null : obstacleAbove(environment));
  if (why === null) return;
  throw new LastcallError(
    'LASTCALL_UPGRADE_UNSUPPORTED',
    `this process cannot be upgraded: ${why}`,
  );
}

function obstacle(environment: RestartEnvironment): string | null {
  const { platform, isBun, isMainThread, isClusterWorker, pid } = environment;
  if (platform === 'win32') return 'Windows does not pass listening sockets on';
  if (isBun) return 'Bun cannot listen on a descriptor; use Node';
  if (!isMainThread) return 'a worker thread has no successor; upgrade from the main thread';
  if (isClusterWorker)
    return 'the sockets of a cluster worker belong to the primary; replace node:cluster by `lastcall run --workers`';
  if (pid === 1)
    return 'as PID 1 its end would end the container, its successor included; start it as `lastcall run -- node app.js`';
  return null;
}

/** Something that ends the container when its child does, and has started this process. */
function obstacleAbove(environment: RestartEnvironment): string | null {
  if (environment.ppid !== 1) return null;
  const init = environment.programOf(1);
  if (init !== null && (SINGLE_CHILD_INITS.includes(init) || isScriptAbove(environment)))
    return `${init} ends the container when this process ends; start it as \`lastcall run -- node app.js\``;
  return null;
}

/** A shell that runs a script ends with it. What it has adopted, and not started, is in another session. */
function isScriptAbove(environment: RestartEnvironment): boolean {
  const [program = '', ...rest] = environment.readText('/proc/1/cmdline')?.split('\0') ?? [];
  const isShell = /(^|\/)(ba|da|a|k|mk|z)?sh$/.test(program);
  const isInteractive = rest.every((word) => word === '' || /^-[il]+$/.test(word));
  return (
    isShell &&
    !isInteractive &&
    sessionOf(environment, 1) === sessionOf(environment, environment.pid)
  );
}

/** Field 6; the second is the program's name in parentheses, which may contain anything. */
function sessionOf(environment: RestartEnvironment, pid: number): string | undefined {
  const stat = environment.readText(`/proc/${pid}/stat`) ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3];
}

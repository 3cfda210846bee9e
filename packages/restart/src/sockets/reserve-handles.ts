import type { RestartEnvironment } from '../restart-environment';
import type { ServerHandle } from './node-handles';

/** How long the helper may take, in milliseconds. */
const DEADLINE_MS = 5000;

/**
 * Sends back every descriptor that it was given, as a handle on which nobody listens, and ends. One after the other: Node holds
 * a handle back until the one before has been acknowledged, and forgets it when the channel is closed meanwhile.
 */
const HELPER = `
  const { _createServerHandle: open } = require('node:net');
  const count = Number(process.argv[1]);
  // Only who listens hears of the acknowledgement.
  process.on('message', () => {});
  (function send(index) {
    if (index === count) process.disconnect();
    else process.send(index, open(null, null, null, 4 + index), {}, () => send(index + 1));
  })(0);
`;

/**
 * Makes a second handle of each listening socket, in the order of `fds`; null when that cannot be had.
 *
 * Node cannot duplicate a descriptor. But what it sends to another process over its IPC channel arrives as a duplicate, so a
 * short-lived process of Node's own is sent the sockets and sends them back. It accepts no connection meanwhile.
 */
export function reserveHandles(
  environment: RestartEnvironment,
  fds: readonly number[],
): Promise<readonly ServerHandle[] | null> {
  if (fds.length === 0) return Promise.resolve([]);
  return new Promise((resolve) => {
    const handles: ServerHandle[] = [];
    const child = spawnHelper(environment, fds);
    if (child === null) {
      resolve(null);
      return;
    }
    const cancel = environment.setTimer(() => child.kill('SIGKILL'), DEADLINE_MS);
    child.on('error', () => finish());
    child.on('message', (index, handle) => {
      if (handle !== undefined) handles[Number(index)] = handle as unknown as ServerHandle;
    });
    // After its last message, and after its end.
    child.on('disconnect', () => finish());

    function finish(): void {
      cancel();
      const isComplete = fds.every((_, index) => handles[index] !== undefined);
      if (!isComplete) for (const handle of handles) handle?.close();
      resolve(isComplete ? handles : null);
    }
  });
}

function spawnHelper(environment: RestartEnvironment, fds: readonly number[]) {
  try {
    return environment.spawn(environment.execPath, ['-e', HELPER, String(fds.length)], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', ...fds],
      env: {},
    });
  } catch {
    // No process, no descriptor or no memory left.
    return null;
  }
}

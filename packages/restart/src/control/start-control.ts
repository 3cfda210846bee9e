import { type LastcallError, type Lifecycle, proc } from '@lastcall/proc';
import { restart as ownRestart } from '../index';
import type { Restart } from '../restart';
import { controlDirectory, controlPath } from './control-address';
import { ControlThread } from './control-thread';
import { ProcessCommands } from './process-commands';

/** Options of {@link startControl}. */
export interface ControlOptions {
  /** Default: that of the process. */
  readonly lifecycle?: Lifecycle | undefined;
  /** Default: that of the process. */
  readonly restart?: Restart | undefined;
}

/** A control socket of this process. */
export interface Control {
  /** The path of the socket. */
  readonly path: string;
  /** Closes it. Every call gives the same promise. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves a control socket, over which `lastcall status|dump|profile|reload|stop` talk to this process and get answers.
 *
 * It is served by a thread of its own, so it answers while the main thread is blocked, and says so. Only the user of the
 * process may use it (mode 0600, in a directory of mode 0700). It does not keep the process alive, lasts until the very end of
 * it, and is removed then.
 *
 * @example
 * await startControl();          // or, without a line of code: node --import @lastcall/restart/control/register app.js
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CONTROL_NOT_STARTED`
 */
export async function startControl(options: ControlOptions = {}): Promise<Control> {
  const { lifecycle = proc, restart = ownRestart } = options;
  const commands = new ProcessCommands(lifecycle, restart);
  const path = controlPath(controlDirectory(), commands.processName, process.pid, 'service');
  const thread = new ControlThread(path, commands);
  const onEnd = (): void => thread.end();
  const onState = (): void => thread.tellStatus();
  await thread.listening((error) => warn(lifecycle, error));
  lifecycle.events.on('state', onState);
  process.on('exit', onEnd);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    lifecycle.events.off('state', onState);
    process.off('exit', onEnd);
    closed ??= thread.close();
    return closed;
  };
  return Object.freeze({ path, close, [Symbol.asyncDispose]: close });
}

function warn(lifecycle: Lifecycle, error: LastcallError): void {
  lifecycle.warn(error);
}

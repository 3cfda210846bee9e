import type { MessagePort } from 'node:worker_threads';
import { toError } from '@lastcall/proc';
import { type ControlServer, serveControl } from '../control-server';
import type { ThreadSettings, ToMain, ToWorker } from '../thread-protocol';
import { MainThreadDesk } from './main-thread-desk';

/** Serves the control socket in this thread until the main thread, at the other end of `port`, closes it. */
export async function serveThread(port: MessagePort, settings: ThreadSettings): Promise<void> {
  const tell = (message: ToMain): void => port.postMessage(message);
  const desk = new MainThreadDesk(tell, settings);
  let server: ControlServer | undefined;
  port.on('message', (message: ToWorker) => {
    if (message.type === 'last') void sayWritten(settings.written);
    else if (message.type === 'close') void server?.close().then(() => port.close());
    else desk.onMessage(message);
  });
  try {
    server = await serveControl(settings.path, (request, progress, signal) =>
      desk.handle(request, progress, signal),
    );
    tell({ type: 'listening' });
  } catch (thrown) {
    const { message } = toError(thrown);
    tell({ type: 'refused', code: null, message });
  }
}

/** Two turns: one for promises of answers to settle, one for the kernel to take what they wrote. */
async function sayWritten(written: SharedArrayBuffer): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const flag = new Int32Array(written);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}

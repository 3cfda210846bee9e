import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { BlockFiles } from './block-files';
import { BlockWatch } from './block-watch';
import { Heartbeat, monotonicMs } from './heartbeat';
import { LoopObserver } from './loop-observer';
import { MainThreadSession } from './main-thread-session';
import type { MainThreadStack, StackAnswer, StackQuestion } from './main-thread-stack';
import { StopEnforcer } from './stop-enforcer';
import type { FromThread, ThreadConfig, ToThread } from './thread-messages';

// The program of the watchdog's thread.

if (parentPort !== null) watch(parentPort, workerData as ThreadConfig);

function watch(parent: MessagePort, config: ThreadConfig): void {
  const send = (message: FromThread): void => parent.postMessage(message);
  const heartbeat = new Heartbeat(config.memory);
  const observer = new LoopObserver(config.thresholdMs, config.beatMs, monotonicMs());
  const files = new BlockFiles(config);
  const blocks = new BlockWatch(config, heartbeat, observer, files, (block) =>
    send({ type: 'blocked', block }),
  );
  const enforcer = new StopEnforcer(heartbeat, observer, blocks, files, config.hookKey);

  parent.on('message', (message: ToThread) => {
    if (message.type === 'connect') return serve(message.port);
    if (message.type === 'stack') return void answer(parent, message);
    blocks.stopping();
    enforcer.arm(message.hammerAtMs, message.waitAtMs);
  });
  setInterval(() => {
    blocks.look();
    enforcer.look();
  }, config.beatMs);
  send({ type: 'ready' });
}

/** Answers another thread; its port must not keep this one alive. */
function serve(port: MessagePort): void {
  port.on('message', (question: StackQuestion) => void answer(port, question));
  port.unref();
}

async function answer(port: MessagePort, { id, timeoutMs }: StackQuestion): Promise<void> {
  const message: StackAnswer = { type: 'stack', id, stack: await takeStack(timeoutMs) };
  port.postMessage(message);
}

async function takeStack(timeoutMs: number): Promise<MainThreadStack> {
  const session = new MainThreadSession();
  const timer = setTimeout(() => session.close(), timeoutMs);
  const found = await session.interrupt({ mayPause: true });
  clearTimeout(timer);
  session.close();
  if (found.kind === 'stack') return { state: 'running', frames: found.stack };
  return { state: found.kind, frames: [] };
}

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { BlockFiles } from './block-files';
import { BlockWatch } from './block-watch';
import { Heartbeat, monotonicMs } from './heartbeat';
import { LoopObserver } from './loop-observer';
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

  parent.on('message', ({ hammerAtMs, waitAtMs }: ToThread) => {
    blocks.stopping();
    enforcer.arm(hammerAtMs, waitAtMs);
  });
  setInterval(() => {
    blocks.look();
    enforcer.look();
  }, config.beatMs);
  send({ type: 'ready' });
}

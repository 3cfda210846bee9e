import type { EventEmitter } from 'node:events';

// Node tells nobody that the other end of its channel has read a message. So the primary is told of a handle that does not
// come with it; Node says back that it is missing, and does nothing else. That is the one question whose answer may fail:
// what else a primary says to a worker that has ended meanwhile is an error (EPIPE) that brings the primary down. The same
// in Node 20, 22, 24 and 26.

/** A handle that is missing, and what came with it, which is for nobody. */
const QUESTION = { cmd: 'NODE_HANDLE', type: 'net.Native', msg: { cmd: 'NODE_LASTCALL' } };

/** Called with whether the primary has sent handles, such as connections, since it was asked. */
type Answered = (hasSentMore: boolean) => void;

interface Question {
  readonly answered: Answered;
  readonly handlesBefore: number;
}

/** In the order in which they were asked, which is that of the answers. */
let open: Question[] = [];

/** How many handles have come, while somebody waits for an answer. */
let handles = 0;

/** Calls `answered` when the primary has read whatever was sent to it before; never, if the channel closes before. */
export function askPrimary(answered: Answered): void {
  if (open.length === 0) {
    // Before Node's own, which would take the answer for one to a handle of its own. It must be there until the last answer.
    channelEvents().prependListener('internalMessage', onMessage);
    process.once('disconnect', forgetAll);
  }
  open.push({ answered, handlesBefore: handles });
  // A channel that closes is told of by 'disconnect'.
  process.send?.(QUESTION, undefined, undefined, () => {});
}

function onMessage(message: { cmd?: string }): void {
  if (message.cmd === 'NODE_HANDLE') handles += 1;
  if (message.cmd !== 'NODE_HANDLE_NACK') return;
  message.cmd = 'NODE_LASTCALL';
  const question = open.shift();
  if (open.length === 0) forgetAll();
  question?.answered(handles > question.handlesBefore);
}

function forgetAll(): void {
  open = [];
  channelEvents().off('internalMessage', onMessage);
  process.off('disconnect', forgetAll);
}

function channelEvents(): EventEmitter {
  return process as EventEmitter;
}

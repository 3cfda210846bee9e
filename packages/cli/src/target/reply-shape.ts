import type { CommandResults } from '@lastcall/restart/control';
import {
  isAny,
  isCount,
  isFlag,
  isNumber,
  isText,
  isWord,
  listOf,
  objectWith,
  oneOf,
  optional,
  orNull,
  recordOf,
  type Shape,
} from '../shape';

const isProcess = objectWith({
  name: isText,
  pid: isCount,
  host: isText,
  node: isText,
  uptimeMs: isCount,
});

const isLifecycle = objectWith({
  state: isWord,
  reason: orNull(isText),
  stage: orNull(isWord),
  stoppingMs: orNull(isCount),
  listeners: listOf(objectWith({ name: isText, state: isWord })),
  health: objectWith({ ready: isFlag }),
});

const isSocket = objectWith({ name: isText, address: isText });

const isGeneration = objectWith({
  generation: isCount,
  state: isWord,
  topology: orNull(isWord),
  sockets: listOf(isSocket),
});

const isFrame = objectWith({
  functionName: isText,
  file: isText,
  line: isNumber,
  column: orNull(isNumber),
});

const isService = objectWith({
  role: oneOf('service'),
  process: isProcess,
  lifecycle: isLifecycle,
  activities: recordOf(isCount),
  restart: orNull(isGeneration),
  memory: objectWith({ rssBytes: isCount, heapUsedBytes: isCount }),
  mainThread: objectWith({
    responsive: isFlag,
    blockedMs: isCount,
    stack: orNull(listOf(isFrame)),
  }),
});

const isOther = objectWith({ pid: isCount, generation: isCount, state: isWord, uptimeMs: isCount });

/** One of an earlier version does not tell of other processes. */
const isWorker = objectWith({
  slot: isCount,
  pid: orNull(isCount),
  generation: isCount,
  state: isWord,
  restarts: isCount,
  uptimeMs: orNull(isCount),
  successor: optional(orNull(isOther)),
  draining: optional(listOf(isOther)),
});

const isSupervisor = objectWith({
  role: oneOf('supervisor'),
  process: isProcess,
  state: isWord,
  command: listOf(isText),
  workers: listOf(isWorker),
  sockets: listOf(isSocket),
});

const isFullDump = objectWith({
  kind: oneOf('full'),
  text: isText,
  json: objectWith({}),
  files: listOf(isText),
});

/** What each command may be answered with: who answers need not be one of ours, nor of this version. */
export const RESULT_SHAPES: Readonly<Record<keyof CommandResults, Shape>> = {
  status: (value) => isService(value) || isSupervisor(value),
  dump: (value) =>
    isFullDump(value) || objectWith({ kind: oneOf('blocked'), last: isService })(value),
  profile: objectWith({ files: listOf(isText) }),
  // One of an earlier version does not tell who drains.
  reload: objectWith({
    pids: listOf(isCount),
    draining: optional(listOf(isCount)),
    drainMs: optional(isCount),
  }),
  stop: orNull(objectWith({ durationMs: optional(isCount) })),
};

const isProgress = objectWith({ type: oneOf('progress'), text: isText });
const isError = objectWith({
  type: oneOf('error'),
  code: orNull(isText),
  message: isText,
  serving: optional(listOf(objectWith({ slot: isCount, pid: isCount, generation: isCount }))),
});
const isResult = objectWith({ type: oneOf('result'), value: isAny });

/** Whether it is a line of the protocol. */
export const isReply: Shape = (reply) => isProgress(reply) || isError(reply) || isResult(reply);

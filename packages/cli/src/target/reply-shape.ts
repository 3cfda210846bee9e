import type { CommandResults } from '@lastcall/restart/control';
import {
  anyShape,
  countShape,
  flagShape,
  listOf,
  numberShape,
  objectWith,
  oneOf,
  oneShapeOf,
  optional,
  orNull,
  recordOf,
  type Shape,
  textShape,
  wordShape,
} from '../shape';

const processShape = objectWith({
  name: textShape,
  pid: countShape,
  host: textShape,
  node: textShape,
  uptimeMs: countShape,
});

const lifecycleShape = objectWith({
  state: wordShape,
  reason: orNull(textShape),
  stage: orNull(wordShape),
  stoppingMs: orNull(countShape),
  listeners: listOf(objectWith({ name: textShape, state: wordShape })),
  health: objectWith({ ready: flagShape }),
});

const socketShape = objectWith({ name: textShape, address: textShape });

const generationShape = objectWith({
  generation: countShape,
  state: wordShape,
  topology: orNull(wordShape),
  sockets: listOf(socketShape),
});

const frameShape = objectWith({
  functionName: textShape,
  file: textShape,
  line: numberShape,
  column: orNull(numberShape),
});

const serviceShape = objectWith({
  role: oneOf('service'),
  process: processShape,
  lifecycle: lifecycleShape,
  activities: recordOf(countShape),
  restart: orNull(generationShape),
  memory: objectWith({ rssBytes: countShape, heapUsedBytes: countShape }),
  mainThread: objectWith({
    responsive: flagShape,
    blockedMs: countShape,
    stack: orNull(listOf(frameShape)),
  }),
});

const otherShape = objectWith({
  pid: countShape,
  generation: countShape,
  state: wordShape,
  uptimeMs: countShape,
});

/** One of an earlier version does not tell of other processes. */
const workerShape = objectWith({
  slot: countShape,
  pid: orNull(countShape),
  generation: countShape,
  state: wordShape,
  restarts: countShape,
  uptimeMs: orNull(countShape),
  successor: optional(orNull(otherShape)),
  draining: optional(listOf(otherShape)),
});

const supervisorShape = objectWith({
  role: oneOf('supervisor'),
  process: processShape,
  state: wordShape,
  command: listOf(textShape),
  workers: listOf(workerShape),
  sockets: listOf(socketShape),
});

const fullDumpShape = objectWith({
  kind: oneOf('full'),
  text: textShape,
  json: objectWith({}),
  files: listOf(textShape),
});

/** What each command may be answered with: who answers need not be one of ours, nor of this version. */
export const RESULT_SHAPES: Readonly<Record<keyof CommandResults, Shape>> = {
  status: oneShapeOf(serviceShape, supervisorShape),
  dump: oneShapeOf(fullDumpShape, objectWith({ kind: oneOf('blocked'), last: serviceShape })),
  profile: objectWith({ files: listOf(textShape) }),
  // One of an earlier version does not tell who drains.
  reload: objectWith({
    pids: listOf(countShape),
    draining: optional(listOf(countShape)),
    drainMs: optional(countShape),
  }),
  stop: orNull(objectWith({ durationMs: optional(countShape) })),
};

const progressShape = objectWith({ type: oneOf('progress'), text: textShape });
const errorShape = objectWith({
  type: oneOf('error'),
  code: orNull(textShape),
  message: textShape,
  serving: optional(
    listOf(objectWith({ slot: countShape, pid: countShape, generation: countShape })),
  ),
});
const resultShape = objectWith({ type: oneOf('result'), value: anyShape });

/** Whether it is a line of the protocol. */
export const replyShape: Shape = oneShapeOf(progressShape, errorShape, resultShape);

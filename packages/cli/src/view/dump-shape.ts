import {
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

const position = { functionName: isText, file: isText, line: isNumber, column: orNull(isNumber) };

const isProcess = objectWith({
  name: isText,
  pid: isCount,
  host: isText,
  node: isText,
  uptimeMs: isCount,
});

const isListener = objectWith({
  name: isText,
  phase: isWord,
  stage: optional(isWord),
  state: isWord,
  durationMs: orNull(isCount),
});

const isLifecycle = objectWith({
  state: isWord,
  reason: orNull(isText),
  stoppingMs: orNull(isCount),
  stage: orNull(isWord),
  hammerMs: orNull(isCount),
  listeners: listOf(isListener),
  health: objectWith({
    ready: isFlag,
    stopping: isFlag,
    probes: listOf(objectWith({ name: isText, ready: isFlag })),
  }),
  settings: objectWith({ hammerTimeMs: isCount, waitTimeMs: isCount }),
});

const isActivity = objectWith({
  kind: isText,
  name: isText,
  owner: optional(isText),
  state: optional(isText),
  peer: optional(isText),
  ageMs: orNull(isNumber),
  ageAtLeast: optional(isFlag),
});

/** A dump has 64 at most; a tree is drawn with a function that calls itself for each of them. */
const MOST_FRAMES = 1000;

const isFrames = listOf(objectWith(position));

const isAwaitGroup = objectWith({
  id: isText,
  count: isCount,
  frames: (frames) => isFrames(frames) && (frames as readonly unknown[]).length <= MOST_FRAMES,
  waitingOn: listOf(objectWith({ what: isText, confidence: isWord })),
  ageMs: orNull(objectWith({ min: isNumber, max: isNumber })),
});

const isResource = objectWith({
  type: isText,
  count: isCount,
  isRefed: orNull(isFlag),
  delayMs: orNull(isNumber),
  repeats: orNull(isFlag),
  callbacks: listOf(objectWith({ ...position, event: orNull(isText) })),
});

const isAwaits = objectWith({
  status: oneOf('complete', 'degraded', 'skipped'),
  reason: orNull(isText),
  // Dumps of versions before do not say.
  counted: optional(oneOf('functions', 'promises')),
  suspended: isCount,
  groups: listOf(isAwaitGroup),
  omittedGroups: isCount,
  resources: listOf(isResource),
  listeners: listOf(objectWith({ ...position, emitter: isText, event: isText, count: isCount })),
  stats: objectWith({ pauseMs: isNumber }),
});

const isHandles = objectWith({
  groups: listOf(
    objectWith({
      type: isText,
      state: orNull(isText),
      endpoint: orNull(isText),
      count: isCount,
      queuedBytes: isCount,
    }),
  ),
  list: listOf(objectWith({ type: isText, id: optional(isNumber), program: optional(isText) })),
  total: isCount,
});

const isMemory = objectWith({
  rssBytes: isCount,
  heapUsedBytes: isCount,
  heapLimitBytes: isCount,
  externalBytes: isCount,
  arrayBuffersBytes: isCount,
  constrainedBytes: orNull(isCount),
});

/** A dump. */
export const isDump: Shape = objectWith({
  seq: isCount,
  reason: isText,
  time: isText,
  process: isProcess,
  lifecycle: isLifecycle,
  activities: objectWith({ counts: recordOf(isCount), oldest: listOf(isActivity) }),
  handles: isHandles,
  keepsAlive: recordOf(isCount),
  loop: objectWith({
    utilization: isNumber,
    recentUtilization: isNumber,
    delayMs: orNull(objectWith({ p50: isNumber, p99: isNumber, max: isNumber })),
  }),
  memory: isMemory,
  awaits: isAwaits,
  watchdog: orNull(objectWith({ thresholdMs: isCount, blocks: isCount, longestMs: isCount })),
  profiling: isFlag,
  warnings: listOf(isText),
  stats: objectWith({ tookMs: isNumber }),
});

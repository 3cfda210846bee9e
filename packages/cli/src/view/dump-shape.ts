import type { DumpDocument } from '@lastcall/proc';
import {
  allOf,
  countShape,
  flagShape,
  listOf,
  numberShape,
  objectWith,
  oneOf,
  optional,
  orNull,
  recordOf,
  type Shape,
  shapeOf,
  textShape,
  timeShape,
  wordShape,
} from '../shape';

const SCHEMA: DumpDocument['schema'] = 'lastcall.dump/1';

const position = {
  functionName: textShape,
  file: textShape,
  line: numberShape,
  column: orNull(numberShape),
};

const processShape = objectWith({
  name: textShape,
  pid: countShape,
  host: textShape,
  node: textShape,
  uptimeMs: countShape,
});

const listenerShape = objectWith({
  name: textShape,
  phase: wordShape,
  stage: optional(wordShape),
  state: wordShape,
  durationMs: orNull(countShape),
});

const lifecycleShape = objectWith({
  state: wordShape,
  reason: orNull(textShape),
  stoppingMs: orNull(countShape),
  stage: orNull(wordShape),
  hammerMs: orNull(countShape),
  listeners: listOf(listenerShape),
  health: objectWith({
    ready: flagShape,
    stopping: flagShape,
    probes: listOf(objectWith({ name: textShape, ready: flagShape })),
  }),
  settings: objectWith({ hammerTimeMs: countShape, waitTimeMs: countShape }),
});

const activityShape = objectWith({
  kind: textShape,
  name: textShape,
  owner: optional(textShape),
  state: optional(textShape),
  peer: optional(textShape),
  ageMs: orNull(numberShape),
  ageAtLeast: optional(flagShape),
});

/** A dump has 64 at most; a tree is drawn with a function that calls itself for each of them. */
const MOST_FRAMES = 1000;

const framesShape = allOf(
  listOf(objectWith(position)),
  shapeOf(
    `a list of at most ${MOST_FRAMES}`,
    (frames) => (frames as readonly unknown[]).length <= MOST_FRAMES,
  ),
);

const awaitGroupShape = objectWith({
  id: textShape,
  count: countShape,
  frames: framesShape,
  waitingOn: listOf(objectWith({ what: textShape, confidence: wordShape })),
  ageMs: orNull(objectWith({ min: numberShape, max: numberShape })),
});

const resourceShape = objectWith({
  type: textShape,
  count: countShape,
  isRefed: orNull(flagShape),
  delayMs: orNull(numberShape),
  repeats: orNull(flagShape),
  callbacks: listOf(objectWith({ ...position, event: orNull(textShape) })),
});

const awaitsShape = objectWith({
  status: oneOf('complete', 'degraded', 'skipped'),
  reason: orNull(textShape),
  // Dumps of versions before do not say.
  counted: optional(oneOf('functions', 'promises')),
  suspended: countShape,
  groups: listOf(awaitGroupShape),
  omittedGroups: countShape,
  resources: listOf(resourceShape),
  listeners: listOf(
    objectWith({ ...position, emitter: textShape, event: textShape, count: countShape }),
  ),
  stats: objectWith({ pauseMs: numberShape }),
});

const handlesShape = objectWith({
  groups: listOf(
    objectWith({
      type: textShape,
      state: orNull(textShape),
      endpoint: orNull(textShape),
      count: countShape,
      queuedBytes: countShape,
    }),
  ),
  list: listOf(
    objectWith({ type: textShape, id: optional(numberShape), program: optional(textShape) }),
  ),
  total: countShape,
});

const memoryShape = objectWith({
  rssBytes: countShape,
  heapUsedBytes: countShape,
  heapLimitBytes: countShape,
  externalBytes: countShape,
  arrayBuffersBytes: countShape,
  constrainedBytes: orNull(countShape),
});

/** A dump. */
export const dumpShape: Shape = objectWith({
  schema: oneOf(SCHEMA),
  seq: countShape,
  reason: textShape,
  time: timeShape,
  process: processShape,
  lifecycle: lifecycleShape,
  activities: objectWith({ counts: recordOf(countShape), oldest: listOf(activityShape) }),
  handles: handlesShape,
  keepsAlive: recordOf(countShape),
  loop: objectWith({
    utilization: numberShape,
    recentUtilization: numberShape,
    delayMs: orNull(objectWith({ p50: numberShape, p99: numberShape, max: numberShape })),
  }),
  memory: memoryShape,
  awaits: awaitsShape,
  watchdog: orNull(
    objectWith({ thresholdMs: countShape, blocks: countShape, longestMs: countShape }),
  ),
  profiling: flagShape,
  warnings: listOf(textShape),
  stats: objectWith({ tookMs: numberShape }),
});

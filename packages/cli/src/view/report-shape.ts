import {
  isAny,
  isCount,
  isNumber,
  isText,
  isWord,
  listOf,
  objectWith,
  oneOf,
  optional,
  orNull,
  type Shape,
} from '../shape';

const isPhase = objectWith({ phase: isWord, startMs: isCount, endMs: isCount });

const hasFields = objectWith({
  startMs: orNull(isCount),
  endMs: orNull(isCount),
  durationMs: isCount,
  outcome: oneOf('ok', 'failed', 'late', 'cut'),
  drained: optional(isCount),
  ended: optional(isCount),
  cut: optional(listOf(isAny)),
  error: optional(objectWith({})),
});

/** Either names it in a timeline: of the wrap-up there are no stages. */
const isPlaced: Shape = (listener) => {
  const { stage, phase } = listener as { readonly stage?: unknown; readonly phase?: unknown };
  return isWord(stage ?? phase);
};

/** A report of a stop. */
export const isReport: Shape = objectWith({
  pid: isCount,
  durationMs: isCount,
  hammerMs: orNull(isCount),
  forced: orNull(isWord),
  fatal: orNull(objectWith({})),
  exit: objectWith({ code: orNull(isNumber), signal: orNull(isWord) }),
  // Reports of earlier versions have none.
  warnings: optional(listOf(objectWith({ message: isText }))),
  inFlight: optional(objectWith({ oldest: listOf(objectWith({ kind: isText, name: isText })) })),
  settings: objectWith({ wrapUpTimeMs: isCount, hammerTimeMs: isCount, waitTimeMs: isCount }),
  phases: listOf(isPhase),
  listeners: listOf((listener) => hasFields(listener) && isPlaced(listener)),
});

import {
  allOf,
  anyShape,
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
  textShape,
  timeShape,
  wordShape,
} from '../shape';

const phaseShape = objectWith({ phase: wordShape, startMs: countShape, endMs: countShape });

const errorShape = objectWith({ message: textShape, code: optional(textShape) });

const fieldsShape = objectWith({
  name: textShape,
  startMs: orNull(countShape),
  endMs: orNull(countShape),
  durationMs: countShape,
  outcome: oneOf('ok', 'failed', 'late', 'cut'),
  drained: optional(countShape),
  ended: optional(countShape),
  cut: optional(listOf(anyShape)),
  error: optional(errorShape),
});

/** Either names it in a timeline: of the wrap-up there are no stages. */
const placeShape: Shape = (listener) => {
  const { stage } = listener as { readonly stage?: unknown };
  return objectWith(stage == null ? { phase: wordShape } : { stage: wordShape })(listener);
};

const activityShape = objectWith({ kind: textShape, name: textShape });

/** A report of a stop. */
export const reportShape: Shape = objectWith({
  pid: countShape,
  reason: textShape,
  startedAt: timeShape,
  durationMs: countShape,
  ok: flagShape,
  hammerMs: orNull(countShape),
  forced: orNull(wordShape),
  fatal: orNull(errorShape),
  exit: objectWith({ code: orNull(numberShape), signal: orNull(wordShape) }),
  // Reports of earlier versions have none.
  warnings: optional(listOf(errorShape)),
  inFlight: optional(objectWith({ oldest: listOf(activityShape) })),
  resources: optional(recordOf(countShape)),
  settings: objectWith({
    wrapUpTimeMs: countShape,
    hammerTimeMs: countShape,
    waitTimeMs: countShape,
  }),
  phases: listOf(phaseShape),
  listeners: listOf(allOf(fieldsShape, placeShape)),
});

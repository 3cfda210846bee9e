/** How a part tells that it is alive: one short line at a time. */
export type Progress = (line: string) => void;

/** How much a run measures: `quick` only shows that everything works. */
export interface Effort {
  readonly quick: boolean;
}

/** A promise of the project, and what the run measured. */
export interface Budget {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly isMet: boolean;
  /** How far off a missed budget is: measured / limit, or limit / measured where more is better. */
  readonly factor: number;
}

/** One part of the bench. `run` returns plain data, which is kept as JSON; the rest is derived from it. */
export interface Part<Result> {
  readonly name: string;
  readonly title: string;
  run(progress: Progress, effort: Effort): Promise<Result>;
  /** Markdown below the title: what was measured and how, then the numbers. */
  render(result: Result): string;
  budgets(result: Result): Budget[];
}

/** What a part has measured, ready to show. */
export interface Section {
  readonly name: string;
  readonly title: string;
  readonly result: unknown;
  readonly markdown: string;
  readonly budgets: readonly Budget[];
}

/** A part whose result is nobody else's business. */
export interface RunnablePart {
  readonly name: string;
  readonly title: string;
  measure(progress: Progress, effort: Effort): Promise<Section>;
}

/** Closes a part over the type of its result. */
export function runnable<Result>(part: Part<Result>): RunnablePart {
  const { name, title } = part;
  return {
    name,
    title,
    async measure(progress, effort) {
      const result = await part.run(progress, effort);
      return { name, title, result, markdown: part.render(result), budgets: part.budgets(result) };
    },
  };
}

/** A budget of which the measured number must not be more than `limit`. */
export function atMost(what: string, measured: number, limit: number, unit: string): Budget {
  return {
    what,
    limit: `<= ${limit}${unit}`,
    measured: `${round(measured)}${unit}`,
    isMet: measured <= limit,
    factor: limit === 0 ? Number.POSITIVE_INFINITY : round(measured / limit),
  };
}

/** A budget of which the measured number must not be less than `limit`. */
export function atLeast(what: string, measured: number, limit: number, unit: string): Budget {
  return {
    what,
    limit: `>= ${limit}${unit}`,
    measured: `${round(measured)}${unit}`,
    isMet: measured >= limit,
    factor: round(limit / measured),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000 || 0;
}

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
  readonly title: string;
  readonly markdown: string;
  readonly budgets: readonly Budget[];
}

/** A part whose result is nobody else's business: plain data that `show` turns into a section, now or later. */
export interface RunnablePart {
  readonly name: string;
  measure(progress: Progress, effort: Effort): Promise<unknown>;
  show(result: unknown): Section;
}

/** Closes a part over the type of its result. */
export function runnable<Result>(part: Part<Result>): RunnablePart {
  return {
    name: part.name,
    measure: (progress, effort) => part.run(progress, effort),
    show: (result) => ({
      title: part.title,
      markdown: part.render(result as Result),
      budgets: part.budgets(result as Result),
    }),
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

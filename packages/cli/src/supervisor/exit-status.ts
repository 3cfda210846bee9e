import { constants } from 'node:os';
import type { GenerationEnd } from '@lastcall/restart/handover';
import { EXIT_CODES } from '../exit-codes';

/** Exit codes by which Node says something that is easily overlooked. */
const MEANINGS: Readonly<Record<number, string>> = {
  13: 'of Node: an await at the top level of a module never settled, and nothing else was left to wait for',
};

/** `exit code 3`, `SIGTERM`. */
export function describeEnd({ code, signal }: GenerationEnd): string {
  if (signal !== null) return signal;
  const meaning = MEANINGS[code ?? 0];
  return meaning === undefined ? `exit code ${code}` : `exit code ${code}, ${meaning}`;
}

/** As shells say that a program is not there, or cannot be run. */
export function endOfSpawnFailure({ cause }: Error): GenerationEnd {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return { code: code === 'ENOENT' ? EXIT_CODES.notFound : EXIT_CODES.cannotRun, signal: null };
}

/** As shells count: 128 and the number of the signal. */
export function exitCodeOfEnd({ code, signal }: GenerationEnd): number {
  return signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
}

/** Signals that ask a process to end. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/** Whether it is how a process ends that was asked to: with 0, or by the signal; many say that by an exit code. */
export function isOrderly(end: GenerationEnd): boolean {
  const code = exitCodeOfEnd(end);
  return code === 0 || STOP_SIGNALS.some((name) => code === 128 + constants.signals[name]);
}

/** What several workers' ends come to: that of the first which did not end well, else that of the last. */
export function worstEnd(ends: readonly GenerationEnd[]): GenerationEnd {
  const isBad = (end: GenerationEnd): boolean => exitCodeOfEnd(end) !== 0;
  // A death by the signal that everybody got is less telling than a failure.
  const failed = ends.find((end) => isBad(end) && end.signal === null);
  return failed ?? ends.find(isBad) ?? ends.at(-1) ?? { code: 0, signal: null };
}

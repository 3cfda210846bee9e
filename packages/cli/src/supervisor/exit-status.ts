import { constants } from 'node:os';
import type { GenerationEnd } from '@lastcall/restart/handover';

/** `exit code 3`, `SIGTERM`. */
export function describeEnd({ code, signal }: GenerationEnd): string {
  return signal ?? `exit code ${code}`;
}

/** As shells count: 128 and the number of the signal. */
export function exitCodeOfEnd({ code, signal }: GenerationEnd): number {
  return signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
}

/** What several workers' ends come to: that of the first which did not end well, else that of the last. */
export function worstEnd(ends: readonly GenerationEnd[]): GenerationEnd {
  const isBad = (end: GenerationEnd): boolean => exitCodeOfEnd(end) !== 0;
  // A death by the signal that everybody got is less telling than a failure.
  const failed = ends.find((end) => isBad(end) && end.signal === null);
  return failed ?? ends.find(isBad) ?? ends.at(-1) ?? { code: 0, signal: null };
}

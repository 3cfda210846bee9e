import type { ListenerReport, PhaseReport, Report } from '@lastcall/proc';

const OUTCOMES: readonly unknown[] = ['ok', 'failed', 'late', 'cut'];
const NAME = /^[A-Za-z0-9 -]{1,40}$/;

/**
 * Whether a report has numbers, names and outcomes where they belong: whoever wrote the file, a view puts these as they are into
 * a page or on a terminal.
 */
export function isWellFormed({
  pid,
  durationMs,
  hammerMs,
  forced,
  exit,
  settings,
  ...report
}: Report): boolean {
  return (
    [pid, durationMs].every(isCount) &&
    (hammerMs === null || isCount(hammerMs)) &&
    (forced === null || isName(forced)) &&
    isObject(exit) &&
    (exit.code === null || typeof exit.code === 'number') &&
    (exit.signal === null || isName(exit.signal)) &&
    isObject(settings) &&
    [settings.wrapUpTimeMs, settings.hammerTimeMs, settings.waitTimeMs].every(isCount) &&
    report.phases.every(isPhase) &&
    report.listeners.every(isListener)
  );
}

function isPhase(phase: PhaseReport): boolean {
  return isObject(phase) && isName(phase.phase) && isCount(phase.startMs) && isCount(phase.endMs);
}

function isListener(listener: ListenerReport): boolean {
  if (!isObject(listener)) return false;
  const { phase, stage, startMs, endMs, durationMs, outcome, drained, cut } = listener;
  return (
    isName(stage ?? phase) &&
    [startMs, endMs].every((ms) => ms === null || isCount(ms)) &&
    isCount(durationMs) &&
    OUTCOMES.includes(outcome) &&
    (drained === undefined || isCount(drained)) &&
    (cut === undefined || Array.isArray(cut))
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0;
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && NAME.test(value);
}

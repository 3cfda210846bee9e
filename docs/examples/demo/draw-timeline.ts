import type { Report } from '@lastcall/proc';
import { cyan, dim, green } from 'picocolors';

const WIDTH = 44;

/** Draws a report as bars over time: each phase, and below it its listeners. */
export function drawTimeline({ phases, listeners, durationMs }: Report): string[] {
  const bar = (startMs: number, endMs: number): string => {
    const from = Math.round((startMs / durationMs) * (WIDTH - 1));
    const to = Math.round((endMs / durationMs) * (WIDTH - 1));
    return `${' '.repeat(from)}${'█'.repeat(to - from + 1)}`.padEnd(WIDTH);
  };
  return phases.flatMap(({ phase, startMs, endMs }) => {
    const inPhase = listeners.filter((listener) => (listener.stage ?? listener.phase) === phase);
    return [
      `${phase.padEnd(16)}${cyan(bar(startMs, endMs))}${milliseconds(endMs - startMs)}`,
      ...inPhase.map(
        (listener) =>
          `  ${listener.name.padEnd(14)}${green(bar(listener.startMs ?? durationMs, listener.endMs ?? durationMs))}` +
          `${milliseconds(listener.durationMs)} ${dim(listener.outcome)}`,
      ),
    ];
  });
}

function milliseconds(count: number): string {
  return `${String(count).padStart(6)} ms`;
}

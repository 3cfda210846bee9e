import type { Report } from '@lastcall/proc';
import { formatDuration } from './units';

/** Time on a line of text. */
export interface TimeScale {
  readonly endMs: number;
  readonly width: number;
  /** The line with the first and last moment. */
  readonly axis: string;
  /** Where the hammer fell, or nothing. */
  readonly marks: string;
}

/** A scale on which the whole of a stop has `width` characters. */
export function scaleOf(report: Report, width: number): TimeScale {
  const endMs = report.listeners.reduce(
    (last, listener) => Math.max(last, listener.endMs ?? 0),
    Math.max(1, report.durationMs),
  );
  const end = formatDuration(endMs);
  const axis = `0 ├${'─'.repeat(Math.max(0, width - end.length - 5))}┤ ${end}`;
  return { endMs, width, axis, marks: marksOf(report, endMs, width) };
}

/** A bar from `startMs` to `endMs`, as wide as the scale; at least one character where it was called at all. */
export function barOf(
  { endMs: last, width }: TimeScale,
  startMs: number | null,
  endMs: number,
  character: string,
): string {
  if (startMs === null) return ' '.repeat(width);
  const from = Math.min(width - 1, Math.floor((startMs / last) * width));
  const to = Math.max(from + 1, Math.min(width, Math.round((endMs / last) * width)));
  return ' '.repeat(from) + character.repeat(to - from) + ' '.repeat(width - to);
}

function marksOf({ hammerMs }: Report, endMs: number, width: number): string {
  if (hammerMs === null) return '';
  const at = Math.min(width - 1, Math.floor((hammerMs / endMs) * width));
  const text = `▲ hammer at ${formatDuration(hammerMs)}`;
  return `${' '.repeat(Math.max(0, Math.min(at, width - text.length)))}${text}`.padEnd(width);
}

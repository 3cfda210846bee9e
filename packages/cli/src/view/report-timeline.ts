import type { ListenerOutcome, ListenerReport, Report } from '@lastcall/proc';
import { printable } from '../printable';
import type { Printer } from '../printer';
import { barOf, scaleOf } from './time-scale';
import { formatDuration } from './units';

/** Colours by outcome, of bars and words alike. */
type Paint = Readonly<Record<ListenerOutcome, (text: string) => string>>;

const LABEL_WIDTH = 30;
const TAIL_WIDTH = 34;

/** A report as a timeline for the terminal: who ran when, and what hung. */
export function reportTimeline(report: Report, { colors, columns }: Printer): string {
  const paint: Paint = {
    ok: colors.green,
    failed: colors.red,
    late: colors.yellow,
    cut: colors.yellow,
  };
  const scale = scaleOf(report, Math.max(20, columns - LABEL_WIDTH - TAIL_WIDTH));
  const phases = report.phases.map(({ phase, startMs, endMs }) =>
    row(phase, colors.dim(barOf(scale, startMs, endMs, '─')), formatDuration(endMs - startMs)),
  );
  const listeners = report.listeners.map((listener) =>
    row(
      `${listener.stage ?? listener.phase} ${printable(listener.name)}`,
      paint[listener.outcome](barOf(scale, listener.startMs, listener.endMs ?? scale.endMs, '█')),
      `${paint[listener.outcome](listener.outcome.padEnd(6))} ${tailOf(listener)}`,
    ),
  );
  return [
    headline(report, colors.bold, report.ok ? colors.green('ok') : colors.red('not ok')),
    '',
    row('', scale.axis, ''),
    ...phases,
    '',
    ...listeners,
    ...(scale.marks === '' ? [] : ['', row('', colors.magenta(scale.marks), '')]),
    ...notesOf(report),
  ].join('\n');
}

function headline(report: Report, bold: (text: string) => string, verdict: string): string {
  const { pid, reason, startedAt, durationMs, forced, exit } = report;
  const end = exit.signal ?? (exit.code === null ? 'lives on' : `exit code ${exit.code}`);
  const how = forced === null ? '' : `, forced (${forced})`;
  return `${bold(`stop of process ${pid}`)} by ${printable(reason)} at ${printable(startedAt)}: ${verdict}, ${formatDuration(durationMs)}${how}, ${end}`;
}

function row(label: string, bar: string, tail: string): string {
  const name = label.length > LABEL_WIDTH - 2 ? `${label.slice(0, LABEL_WIDTH - 3)}…` : label;
  return `  ${name.padEnd(LABEL_WIDTH - 2)}${bar}  ${tail}`.trimEnd();
}

function tailOf({ startMs, durationMs, drained, ended, cut }: ListenerReport): string {
  if (startMs === null) return 'never called';
  const counts = [
    ...(drained === undefined ? [] : [`${drained} drained`]),
    ...(ended === undefined || ended === 0 ? [] : [`${ended} ended`]),
    ...(cut === undefined || cut.length === 0 ? [] : [`${cut.length} cut`]),
  ];
  return `${formatDuration(durationMs).padStart(8)}  ${counts.join(', ')}`;
}

function notesOf(report: Report): string[] {
  const failures = report.listeners.flatMap(({ name, error }) =>
    error === undefined ? [] : [`  ${printable(name)}: ${printable(error.message)}`],
  );
  const fatal = report.fatal === null ? [] : [`  fatal: ${printable(report.fatal.message)}`];
  const warnings = (report.warnings ?? []).map(({ code, message }) =>
    printable(`  ${code ?? 'warning'}: ${message}`),
  );
  const cut = report.listeners.flatMap(({ name, cut: units = [] }) =>
    units.slice(0, MOST_CUT).map((unit) => `  cut by ${printable(name)}: ${describe(unit)}`),
  );
  const lost = (report.inFlight?.oldest ?? [])
    .slice(0, MOST_CUT)
    .map((activity) => `  in flight: ${describe(activity)}`);
  const alive = Object.entries(report.resources ?? {}).map(([type, count]) =>
    printable(`${count} ${type}`),
  );
  const kept = alive.length === 0 ? [] : [`  kept alive by ${alive.join(', ')}`];
  const notes = [...fatal, ...failures, ...warnings, ...cut, ...lost, ...kept];
  return notes.length === 0 ? [] : ['', ...notes];
}

/** More are in the file. */
const MOST_CUT = 20;

/** Fields that `ageAtLeast` is about. */
const AGES: ReadonlySet<string> = new Set(['ageMs', 'heldMs']);

/** Of a path without its query: what is shown is sent around, and there may be a token in it. */
function textOf(key: string, value: unknown): string {
  if (key === 'path' && typeof value === 'string') return value.split('?', 1)[0] ?? '';
  // JSON has larger numbers than we have.
  if (typeof value === 'number' && !Number.isFinite(value)) return '?';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A value may say itself what it is: `outcome unknown`. */
function fieldOf(key: string, text: string): string {
  return text.startsWith(`${key} `) ? text : `${key} ${text}`;
}

/** What an adapter says of a unit of work, in one line. SQL may hold values: it is for the report, which the owner alone can read. */
export function describe(unit: unknown): string {
  if (typeof unit !== 'object' || unit === null) return printable(textOf('', unit));
  const { ageAtLeast, sql, ...known } = unit as Record<string, unknown>;
  const fields = Object.entries(known).filter(([, value]) => value !== undefined && value !== null);
  const least = (key: string): string => (ageAtLeast === true && AGES.has(key) ? '>= ' : '');
  const told = fields.map(([key, value]) => fieldOf(key, `${least(key)}${textOf(key, value)}`));
  return printable(told.join(', '));
}

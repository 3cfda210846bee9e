import { errorLine, errorOrigin, errorStacks, frameLines, oneLine } from './error-report';
import type { ForceQuitEvent, LifecycleEvent, ListenerEndEvent, UpgradeEvent } from './events';
import { withoutQuery } from './log-fields';
import type { Report } from './report';
import { countEach } from './stop-outcome';
import type { BlockedLoop } from './watchdog/blocked-loop';
import { howSeen } from './watchdog/format-block';

/** How loud a line is, in the words of most loggers. */
export type LogLevel = 'info' | 'warn' | 'error';

/** An event as a line of text for people. */
export interface EventLine {
  readonly level: LogLevel;
  /** One line. */
  readonly text: string;
  /** More lines, for logs that have room for them: where an error comes from. */
  readonly details?: string;
}

/** Renders an event for people; undefined for events that only machines care about. */
export function formatEvent(event: LifecycleEvent): EventLine | undefined {
  switch (event.type) {
    case 'signal':
      return formatSignal(event.signal, event.action);
    case 'state':
      return event.state === 'wrapping-up'
        ? info(`stopping (${event.reason})${holdText(event.holdMs ?? 0)}`)
        : undefined;
    case 'listenerStart':
      return undefined;
    case 'listenerEnd':
      return formatListenerEnd(event);
    case 'hammer':
      return warn(
        `hammer at ${event.atMs} ms (${event.cause}): what is in flight is cut; not settled: ${names(event.pending)}`,
      );
    case 'forceQuit':
      return formatForceQuit(event);
    case 'fatal':
      return {
        ...error(`${event.origin}: ${errorLine(event.error)}`),
        details: errorStacks(event.error),
      };
    case 'dump':
      return info(
        `dump ${event.seq} (${event.reason}) after ${Math.round(event.tookMs)} ms: ${written(event.files)}`,
      );
    case 'profileStart':
      return info(
        `profiling ${event.kinds.join(', ')} (${event.reason}) for at most ${event.maxMs} ms`,
      );
    case 'profileEnd':
      return info(
        `profile of ${Math.round(event.durationMs)} ms (${event.reason}): ${written(event.files)}`,
      );
    case 'blocked':
      return formatBlocked(event.block);
    case 'upgrade':
      return formatUpgrade(event);
    case 'warning':
      return warn(`${event.error.code}: ${oneLine(event.error.message)}`);
    case 'report':
      return formatReport(event.report);
  }
}

function formatSignal(signal: NodeJS.Signals, action: string): EventLine {
  if (action === 'stop') return info(`${signal} received`);
  if (action === 'dump') return info(`${signal} received: a dump is made`);
  if (action === 'ignore') return warn(`${signal} received, the stop goes on`);
  return warn(`${signal} received during the stop: ${action}`);
}

const EXIT_CALLED = 'process.exit() was called during the stop';

const FORCE_QUIT_CAUSES: Record<ForceQuitEvent['cause'], string> = {
  waitTimeMs: 'still alive, the process is ended (waitTimeMs)',
  signal: 'killed by a second signal',
  exit: `${EXIT_CALLED}, or an error was not caught`,
};

const STOP_GIVEN_UP = 'the stop is given up, the process lives on';

function whatIsForced({ cause, stack, livesOn }: ForceQuitEvent): string {
  if (livesOn) return `${STOP_GIVEN_UP} (${cause === 'signal' ? 'a second signal' : cause})`;
  return stack === undefined ? FORCE_QUIT_CAUSES[cause] : EXIT_CALLED;
}

function formatForceQuit(event: ForceQuitEvent): EventLine {
  const { inFlight = {}, oldest = [], stack } = event;
  const parts = [
    `${whatIsForced(event)} at ${event.atMs} ms`,
    ...(event.pending.length === 0 ? [] : [`not settled: ${names(event.pending)}`]),
    ...(event.notCalled.length === 0 ? [] : [`never called: ${names(event.notCalled)}`]),
    ...(Object.keys(inFlight).length === 0 ? [] : [`in flight: ${counts(inFlight)}`]),
    ...(event.cause === 'waitTimeMs' ? [`kept alive by: ${keptAliveBy(event)}`] : []),
  ];
  const details = `${frameLines(stack)}${unitLines('in flight', oldest)}`;
  return { ...error(parts.join('; ')), details };
}

function keptAliveBy({ resources, sockets = {} }: ForceQuitEvent): string {
  if (Object.keys(resources).length === 0) return NOTHING_OPEN;
  const most = Object.entries(sockets).sort(([, a], [, b]) => b - a);
  if (most.length === 0) return counts(resources);
  const more = most.length > SOCKET_ENDS ? ', …' : '';
  return `${counts(resources)} (sockets: ${counts(Object.fromEntries(most.slice(0, SOCKET_ENDS)))}${more})`;
}

const SOCKET_ENDS = 5;

/** Without a stop the process would have ended by itself. */
const NOTHING_OPEN = 'the stop alone, which waited (nothing is open)';

function withOrigin(line: EventLine, cause: Error): EventLine {
  return { ...line, details: errorOrigin(cause) };
}

function holdText(holdMs: number): string {
  return holdMs > 0 ? `, not ready, still serving for ${holdMs} ms` : '';
}

function formatListenerEnd(event: ListenerEndEvent): EventLine {
  const where = (event.stage ?? event.phase).padEnd(9);
  const text = `  ${where} ${oneLine(event.name).padEnd(20)} ${event.outcome.padEnd(6)} ${String(event.durationMs).padStart(6)} ms`;
  const details = [
    ...(event.drained === undefined ? [] : [`${event.drained} drained`]),
    ...(event.ended === undefined || event.ended === 0 ? [] : [`${event.ended} ended`]),
    ...(event.cut === undefined ? [] : [`${event.cut.length} cut${outcomes(event.cut)}`]),
    ...(event.error === undefined ? [] : [errorLine(event.error)]),
  ];
  const line = details.length === 0 ? text : `${text}  ${details.join(', ')}`;
  if (event.outcome === 'ok') return info(line);
  if (event.error === undefined)
    return { ...warn(line), details: unitLines('cut', event.cut ?? []) };
  return withOrigin(error(line), event.error);
}

/** What became of units of work, as far as a log has room for it; the report has all of it. */
function unitLines(fate: string, units: readonly unknown[]): string {
  const lines = units.slice(0, UNIT_LINES).map((unit) => `${fate}: ${oneLine(fieldsOf(unit))}`);
  if (units.length > UNIT_LINES)
    lines.push(`and ${units.length - UNIT_LINES} more (LASTCALL_REPORT)`);
  return lines.map((line) => `\n      ${line.slice(0, UNIT_WIDTH)}`).join('');
}

const UNIT_LINES = 5;
const UNIT_WIDTH = 200;
/** Fields that `ageAtLeast` is about. */
const AGES: ReadonlySet<string> = new Set(['ageMs', 'heldMs']);
const PLAIN: ReadonlySet<string> = new Set(['string', 'number', 'boolean']);

/** Its plain fields. What is nested, SQL and query strings are for the report, which the owner alone can read. */
function fieldsOf(unit: unknown): string {
  if (typeof unit !== 'object' || unit === null) return String(unit);
  const { ageAtLeast, sql, ...fields } = unit as Record<string, unknown>;
  const least = (field: string): string => (ageAtLeast === true && AGES.has(field) ? '>= ' : '');
  return Object.entries(fields)
    .filter(([, value]) => PLAIN.has(typeof value))
    .map(([field, value]) => fieldOf(field, `${least(field)}${textOf(field, value)}`))
    .join(', ');
}

/** A value may say itself what it is: `outcome unknown`. */
function fieldOf(field: string, text: string): string {
  return text.startsWith(`${field} `) ? text : `${field} ${text}`;
}

function textOf(field: string, value: unknown): unknown {
  return field === 'path' ? withoutQuery(value) : value;
}

/** What became of the units of work that were cut, where the adapter says so: ` (2 rolled back, 1 outcome unknown)`. */
function outcomes(cut: readonly unknown[]): string {
  const told = cut.flatMap((unit) => {
    const outcome = (unit as { outcome?: unknown } | null)?.outcome;
    return typeof outcome === 'string' ? [oneLine(outcome)] : [];
  });
  if (told.length === 0) return '';
  return ` (${Object.entries(countEach(told))
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ')})`;
}

function formatReport(report: Report): EventLine {
  const { listeners, forced, fatal, exit, ok, warnings } = report;
  const notOk = listeners.filter(({ outcome }) => outcome !== 'ok');
  const parts = [
    `stopped after ${report.durationMs} ms`,
    `${listeners.length} ${listeners.length === 1 ? 'listener' : 'listeners'}`,
    ...(notOk.length > 0 ? [`${notOk.length} of them not ok`] : []),
    ...(forced === null ? [] : [`forced (${forced})`]),
    ...(fatal === null ? [] : ['fatal error']),
    ...(warnings.length > 0 ? [warned(warnings)] : []),
    ...(ok && warnings.length === 0 ? ['all ok'] : []),
  ];
  const level = warnings.length > 0 ? 'warn' : 'info';
  return { level: ok ? level : 'error', text: `${parts.join(', ')}; ${endOf(exit)}` };
}

/** `1 warning (LASTCALL_NOT_DRAINED)` */
function warned(warnings: Report['warnings']): string {
  const codes = new Set(warnings.map(({ code, name }) => code ?? name));
  const words = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
  return `${words} (${[...codes].join(', ')})`;
}

function endOf({ signal, code }: Report['exit']): string {
  if (signal !== null) return `ends by ${signal}`;
  return code === null ? 'the process lives on' : `ends with exit code ${code}`;
}

const BLOCK_PHASES: Record<BlockedLoop['phase'], string> = {
  starting: ' during the start',
  running: '',
  stopping: ' during the stop',
};

function formatBlocked(block: BlockedLoop): EventLine {
  const { blockedMs, phase, stack, files, nativeState } = block;
  const at = stack.map(
    ({ functionName, file, line, column }) =>
      `\n    at ${functionName} (${file}:${line}:${column})`,
  );
  // What Node does inside says less than who called it.
  const inner = stack.find(({ file }) => !file.startsWith('node:')) ?? stack[0];
  const unseen = nativeState === null ? '' : `, in native code that was ${nativeState}`;
  const by =
    inner === undefined
      ? unseen
      : ` ${howSeen(block)} ${inner.functionName} (${inner.file}:${inner.line})`;
  const where = files.length === 0 ? '' : `; ${written(files)}`;
  const text = `event loop blocked for ${Math.round(blockedMs)} ms${BLOCK_PHASES[phase]}${by}${where}`;
  return { level: 'warn', text, details: at.slice(0, 10).join('') };
}

function formatUpgrade(event: UpgradeEvent): EventLine {
  const { step, reason, pid, atMs, error: cause, onTerminal } = event;
  const why = cause === undefined ? '' : `: ${cause.code}: ${oneLine(cause.message)}`;
  const goesOn = cause?.code === 'LASTCALL_UPGRADE_STOPPING' ? '' : ', this process serves on';
  switch (step) {
    case 'begin':
      return info(`upgrading (${reason === 'call' ? 'restart.upgrade()' : reason})`);
    case 'spawn':
      return info(`the new generation is process ${pid}`);
    case 'ready':
      return info(`process ${pid} serves after ${atMs} ms; this one accepts nothing new`);
    case 'done':
      return info(
        `process ${pid} has taken over; this one stops${onTerminal ? `; the new one is no job of this terminal: kill ${pid} ends it` : ''}`,
      );
    case 'giving-up':
      return warn(`process ${pid} is asked to end${why}`);
    case 'failed':
      return error(`the upgrade failed after ${atMs} ms${goesOn}${why}`);
    case 'rolled-back':
      return error(`the upgrade was taken back after ${atMs} ms${goesOn}${why}`);
    case 'refused':
      return warn(`no upgrade (${reason})${why}`);
    case 'parent-gone':
      if (reason === 'supervisor')
        return error(
          `lastcall run (process ${pid}) is gone: this one serves on, and nobody replaces it or starts it anew`,
        );
      return info(`process ${pid ?? 'of the former generation'} is gone; this one leads`);
  }
}

function written(files: readonly string[]): string {
  return files.length === 0 ? 'no file written' : files.join(' ');
}

/** More names than anybody reads in one line; the event, and the report, have all. */
const MOST_NAMES = 50;

function names(list: readonly string[]): string {
  if (list.length === 0) return 'nothing';
  const more = list.length - MOST_NAMES;
  return `${list.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function counts(resources: Readonly<Record<string, number>>): string {
  const entries = Object.entries(resources);
  return entries.length === 0
    ? 'nothing'
    : entries.map(([name, count]) => `${name} x${count}`).join(', ');
}

function info(text: string): EventLine {
  return { level: 'info', text };
}

function warn(text: string): EventLine {
  return { level: 'warn', text };
}

function error(text: string): EventLine {
  return { level: 'error', text };
}

import type { LifecycleEvent, ListenerEndEvent } from './events';
import type { Report } from './report';

/** How loud a line is, in the words of most loggers. */
export type LogLevel = 'info' | 'warn' | 'error';

/** An event as a line of text for people. */
export interface EventLine {
  readonly level: LogLevel;
  readonly text: string;
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
      return warn(`hammer at ${event.atMs} ms (${event.cause}): cutting ${names(event.pending)}`);
    case 'forceQuit':
      return error(
        `still alive at ${event.atMs} ms, ending the process (${event.cause}); not settled: ${names(event.pending)}; ` +
          `kept alive by: ${counts(event.resources)}`,
      );
    case 'fatal':
      return error(`${event.origin}: ${event.error.stack ?? event.error.message}`);
    case 'warning':
      return warn(`${event.error.code}: ${event.error.message}`);
    case 'report':
      return formatReport(event.report);
  }
}

function formatSignal(signal: NodeJS.Signals, action: string): EventLine {
  if (action === 'stop') return info(`${signal} received`);
  if (action === 'ignore') return warn(`${signal} received, the stop goes on`);
  return warn(`${signal} received during the stop: ${action}`);
}

function holdText(holdMs: number): string {
  return holdMs > 0 ? `, not ready, still serving for ${holdMs} ms` : '';
}

function formatListenerEnd(event: ListenerEndEvent): EventLine {
  const where = (event.stage ?? event.phase).padEnd(9);
  const text = `  ${where} ${event.name.padEnd(20)} ${event.outcome.padEnd(6)} ${String(event.durationMs).padStart(6)} ms`;
  const details = [
    ...(event.drained === undefined ? [] : [`${event.drained} drained`]),
    ...(event.cut === undefined ? [] : [`${event.cut.length} cut`]),
    ...(event.error === undefined ? [] : [event.error.message]),
  ];
  const line = details.length === 0 ? text : `${text}  ${details.join(', ')}`;
  return {
    level: event.outcome === 'ok' ? 'info' : event.outcome === 'failed' ? 'error' : 'warn',
    text: line,
  };
}

function formatReport(report: Report): EventLine {
  const notOk = report.listeners.filter(({ outcome }) => outcome !== 'ok');
  const result =
    notOk.length === 0 ? 'all ok' : `${notOk.length} of ${report.listeners.length} not ok`;
  const { signal, code } = report.exit;
  const exit =
    signal !== null ? `by ${signal}` : code !== null ? `with exit code ${code}` : 'left running';
  return {
    level: report.ok ? 'info' : 'error',
    text: `stopped after ${report.durationMs} ms, ${report.listeners.length} listeners, ${result}; ends ${exit}`,
  };
}

function names(list: readonly string[]): string {
  return list.length === 0 ? 'nothing' : list.join(', ');
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

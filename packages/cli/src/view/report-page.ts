import type { ListenerReport, Report } from '@lastcall/proc';
import { escapeHtml, page } from './page';
import { describe } from './report-timeline';
import { scaleOf } from './time-scale';
import { formatDuration } from './units';

/** A report as a Gantt chart: a page that can be kept, sent and printed. */
export function reportPage(report: Report): string {
  const { endMs } = scaleOf(report, 100);
  const hammer = report.hammerMs === null ? '' : mark(report.hammerMs / endMs);
  const rows = [
    axisRow(endMs),
    ...report.phases.map((phase) =>
      ganttRow(
        `<b>${escapeHtml(phase.phase)}</b>`,
        bar('phase', phase.startMs / endMs, phase.endMs / endMs) + hammer,
        `<span class="soft">${formatDuration(phase.endMs - phase.startMs)}</span>`,
      ),
    ),
    ...report.listeners.map((listener) => listenerRow(listener, endMs, hammer)),
  ];
  const title = `stop of process ${report.pid} by ${report.reason}`;
  return page(
    title,
    `<h1>${escapeHtml(title)}</h1>
${headline(report)}
<div class="gantt" role="table" aria-label="timeline">
${rows.join('\n')}
</div>
${notes(report)}`,
  );
}

function headline(report: Report): string {
  const { startedAt, durationMs, ok, forced, hammerMs, exit, settings } = report;
  const end =
    exit.signal ?? (exit.code === null ? 'the process lives on' : `exit code ${exit.code}`);
  const parts = [
    ok ? '<b class="ok">ok</b>' : '<b class="failed">not ok</b>',
    formatDuration(durationMs),
    ...(forced === null ? [] : [`<span class="failed">forced (${escapeHtml(forced)})</span>`]),
    ...(hammerMs === null ? [] : [`the hammer fell at ${formatDuration(hammerMs)}`]),
    escapeHtml(end),
  ];
  const times = `hold ${settings.wrapUpTimeMs} ms, hammer ${settings.hammerTimeMs} ms, end ${settings.waitTimeMs} ms`;
  return `<p>${parts.join(' · ')}</p>\n<p class="soft">${escapeHtml(startedAt)} · ${times}</p>`;
}

function axisRow(endMs: number): string {
  const steps = [0, 0.25, 0.5, 0.75, 1].map((at) => `<span>${formatDuration(endMs * at)}</span>`);
  return `<div></div><div class="axis soft">${steps.join('')}</div><div></div>`;
}

function listenerRow(listener: ListenerReport, endMs: number, hammer: string): string {
  const { name, phase, stage, startMs, endMs: end, outcome, durationMs } = listener;
  const { drained, ended, cut } = listener;
  const counts = [
    ...(drained === undefined ? [] : [`${drained} drained`]),
    ...(ended === undefined || ended === 0 ? [] : [`${ended} ended`]),
    ...(cut === undefined || cut.length === 0 ? [] : [`${cut.length} cut`]),
  ];
  const drawn = startMs === null ? '' : bar(outcome, startMs / endMs, (end ?? endMs) / endMs);
  const took = startMs === null ? 'never called' : formatDuration(durationMs);
  return ganttRow(
    `<span class="soft">${escapeHtml(stage ?? phase)}</span> ${escapeHtml(name)}`,
    drawn + hammer,
    `<span class="${outcome}">${outcome}</span> ${took} <span class="soft">${counts.join(', ')}</span>`,
  );
}

function ganttRow(label: string, track: string, tail: string): string {
  return `<div>${label}</div><div class="track">${track}</div><div>${tail}</div>`;
}

function bar(kind: string, from: number, to: number): string {
  const left = (from * 100).toFixed(2);
  const width = (Math.max(0, Math.min(1, to) - from) * 100).toFixed(2);
  return `<span class="bar ${kind}" style="left:${left}%;width:${width}%"></span>`;
}

function mark(at: number): string {
  return `<span class="mark" title="hammer" style="left:${(Math.min(1, at) * 100).toFixed(2)}%"></span>`;
}

function notes({ listeners, fatal, inFlight, resources, warnings = [] }: Report): string {
  const errors = [
    ...(fatal === null ? [] : [['fatal error', fatal.message] as const]),
    ...listeners.flatMap(({ name, error }) =>
      error === undefined ? [] : [[name, error.message] as const],
    ),
  ];
  const cut = listeners.flatMap(({ name, cut: units = [] }) =>
    units.map((unit) => [name, describe(unit)] as const),
  );
  const alive = Object.entries(resources ?? {}).map(([type, count]) => [type, count] as const);
  return [
    table('Errors', errors),
    table(
      'Warnings',
      warnings.map(({ code, message }) => [code ?? 'warning', message] as const),
    ),
    table('Cut', cut),
    table(
      'In flight at the end',
      (inFlight?.oldest ?? []).map((activity) => [activity.name, describe(activity)] as const),
    ),
    table('What kept the process alive', alive),
  ].join('\n');
}

function table(title: string, rows: readonly (readonly [unknown, unknown])[]): string {
  if (rows.length === 0) return '';
  const lines = rows.map(
    ([name, text]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(text)}</td></tr>`,
  );
  return `<h2>${title}</h2>\n<table>\n${lines.join('\n')}\n</table>`;
}

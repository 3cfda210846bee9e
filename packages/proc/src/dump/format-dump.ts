import type { Activity } from '../activities/activity';
import type { AwaitGroup, AwaitSites, ResourceSite } from '../await-sites/await-sites';
import type { LifecycleStatus, ListenerStatus } from '../status';
import { assertDump } from './assert-dump';
import type { DumpDocument, HandleGroup, HandleRecord } from './dump-document';
import { formatBytes, formatCount, formatDuration } from './format-units';
import { printable } from './printable';

/** How many lines a list may have; the JSON has more. */
const MOST_LINES = 40;

/** Requests look alike: the oldest say enough. */
const MOST_ACTIVITIES = 10;

/**
 * A dump for people: what the process does, waits for and holds, most telling first.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION` where it is none
 */
export function formatDump(dump: DumpDocument): string {
  assertDump(dump, 'the argument of formatDump()');
  const sections = [
    header(dump),
    lifecycleSection(dump.lifecycle),
    activitySection(dump.activities),
    awaitSection(dump.awaits),
    resourceSection(dump.awaits),
    handleSection(dump.handles),
    keepsAliveSection(dump.keepsAlive),
    warningSection(dump.warnings),
    footer(dump),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function header(dump: DumpDocument): string {
  const { name, pid, host, node, uptimeMs } = dump.process;
  const { loop, memory, lifecycle } = dump;
  const delay =
    loop.delayMs === null
      ? ''
      : `, delay p50 ${loop.delayMs.p50} ms, p99 ${loop.delayMs.p99} ms, max ${loop.delayMs.max} ms`;
  const limit =
    memory.constrainedBytes === null ? '' : ` of ${formatBytes(memory.constrainedBytes)}`;
  return [
    `=== lastcall dump: ${name} pid ${pid} on ${host}, node ${node}, ${dump.time}, by ${dump.reason} (number ${dump.seq}) ===`,
    `state   ${lifecycle.state}${readiness(lifecycle)}, up ${formatDuration(uptimeMs)}`,
    `loop    busy ${percent(loop.recentUtilization)} now, ${percent(loop.utilization)} since the start${delay}`,
    `memory  rss ${formatBytes(memory.rssBytes)}${limit}, heap ${formatBytes(memory.heapUsedBytes)} of ` +
      `${formatBytes(memory.heapLimitBytes)}, external ${formatBytes(memory.externalBytes)}`,
    ...watchdogLine(dump),
    ...(dump.profiling ? ['profile running'] : []),
  ]
    .map(printable)
    .join('\n');
}

function watchdogLine({ watchdog }: DumpDocument): string[] {
  if (watchdog === null) return [];
  const { thresholdMs, blocks, longestMs } = watchdog;
  if (blocks === 0) return [`blocked never for more than ${thresholdMs} ms (watchdog)`];
  const times = formatCount(blocks, 'time');
  return [
    `blocked ${times} for more than ${thresholdMs} ms, at most ${formatDuration(longestMs)} (watchdog)`,
  ];
}

function readiness({ health }: LifecycleStatus): string {
  if (health.ready) return ', ready';
  const missing = health.probes.filter(({ ready }) => !ready).map(({ name }) => name);
  if (health.stopping) return ', not ready (stopping)';
  return missing.length === 0 ? ', not ready (no probe)' : `, not ready (${missing.join(', ')})`;
}

function lifecycleSection(lifecycle: LifecycleStatus): string {
  const { listeners, reason, stoppingMs, stage, hammerMs, settings } = lifecycle;
  if (reason === null || stoppingMs === null)
    return listeners.length === 0 ? '' : section('listeners', listeners.map(waitingListener));
  const hammer =
    hammerMs === null ? `hammer at ${settings.hammerTimeMs} ms` : `hammer fell at ${hammerMs} ms`;
  const where = stage === null ? '' : ` in stage ${stage}`;
  const title =
    `stop by ${reason}: ${lifecycle.state}${where} for ${stoppingMs} ms, ${hammer}, ` +
    `end at ${settings.waitTimeMs} ms at the latest`;
  return section(title, listeners.map(stoppingListener));
}

function waitingListener({ phase, stage, name }: ListenerStatus): string {
  return `${(stage ?? phase).padEnd(10)} ${name}`;
}

function stoppingListener({ phase, stage, name, state, durationMs }: ListenerStatus): string {
  const took = durationMs === null ? '' : `${durationMs} ms`;
  const mark = state === 'running' ? '  <- waited for' : '';
  const line = `${(stage ?? phase).padEnd(10)} ${name.padEnd(20)} ${state.padEnd(8)} ${took.padStart(8)}${mark}`;
  return line.trimEnd();
}

function activitySection({ counts, oldest }: DumpDocument['activities']): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (total === 0) return '';
  const kinds = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  return section(
    `in flight: ${kinds.join(', ')}`,
    oldest.slice(0, MOST_ACTIVITIES).map(activityLine),
    total,
  );
}

function activityLine({ kind, name, owner, state, peer, ageMs, ageAtLeast }: Activity): string {
  const least = ageAtLeast ? '>= ' : '';
  const age = ageMs === null ? 'age unknown' : `${least}${formatDuration(ageMs)}`;
  const details = [owner, state, peer].filter((text) => text !== undefined);
  return `${age.padStart(11)}  ${kind}  ${name}${details.length === 0 ? '' : `  (${details.join(', ')})`}`;
}

function awaitSection(awaits: AwaitSites): string {
  const { groups, omittedGroups, status, reason } = awaits;
  const why = reason === null ? [] : reason.split('; ');
  const more = omittedGroups === 0 ? [] : [`… and ${formatCount(omittedGroups, 'more group')}`];
  const title = `await sites: ${status === 'skipped' ? 'not looked for' : countAwaits(awaits)}`;
  const described = groups.map((group, index) => groupText(group, index, awaits));
  return [heading(title), ...indent(why), ...described, ...indent(more)].join('\n');
}

/** A group counts stacks, each of one function or more. */
function countAwaits({ suspended, counted, groups, omittedGroups }: AwaitSites): string {
  if (suspended === 0) return 'no function is suspended';
  const inGroups = `in ${formatCount(groups.length + omittedGroups, 'group')}`;
  if (counted === 'promises')
    return `${formatCount(suspended, 'pending promise')} ${inGroups} (a function may have several)`;
  return `${formatCount(suspended, 'suspended function')} ${inGroups}`;
}

function groupText(
  { count, frames, waitingOn, ageMs }: AwaitGroup,
  index: number,
  { counted }: AwaitSites,
): string {
  const names = waitingOn.map(({ what, confidence }) =>
    confidence === 'exact' ? what : `${what} (probably)`,
  );
  const waiting = names.length === 0 ? '' : `, waiting for ${names.join(' or ')}`;
  const age =
    ageMs === null ? '' : `, for ${formatDuration(ageMs.min)} to ${formatDuration(ageMs.max)}`;
  const width = Math.max(...frames.map(({ functionName }) => functionName.length));
  const lines = frames.map(
    (frame) => `    await ${frame.functionName.padEnd(width)}  ${position(frame)}`,
  );
  const what = counted === 'promises' ? formatCount(count, 'promise') : `${count} suspended`;
  return [`[${index + 1}] ${what}${waiting}${age}`, ...lines].map(printable).join('\n');
}

function resourceSection({ resources, listeners }: AwaitSites): string {
  const crowded = listeners.map(
    ({ count, emitter, event, ...at }) =>
      `${count} x listener of '${event}' on one ${emitter}  ${at.functionName}  ${position(at)}`,
  );
  const lines = [...resources.filter(hasCode).map(resourceLine), ...crowded];
  return lines.length === 0 ? '' : section('the code behind timers, sockets and listeners', lines);
}

/** What no code of the program listens to is listed as a handle, with more than its name. */
function hasCode({ callbacks }: ResourceSite): boolean {
  return callbacks.length > 0;
}

function resourceLine({ type, count, delayMs, repeats, isRefed, callbacks }: ResourceSite): string {
  const timing =
    delayMs === null ? '' : ` ${repeats ? 'every' : 'after'} ${formatDuration(delayMs)}`;
  const unref = isRefed === false ? ' (unref)' : '';
  const code = callbacks.map(
    ({ event, ...at }) => `${event === null ? '' : `${event}: `}${at.functionName} ${position(at)}`,
  );
  return `${count} x ${type}${timing}${unref}  ${code.join(', ')}`;
}

function handleSection({ groups, list, total }: DumpDocument['handles']): string {
  if (total === 0) return '';
  return section(
    `open handles: ${total}`,
    groups.map((group) => handleLine(group, list)),
  );
}

function handleLine(group: HandleGroup, list: readonly HandleRecord[]): string {
  const { type, state, endpoint, count, queuedBytes } = group;
  const queued = queuedBytes === 0 ? '' : `, ${formatBytes(queuedBytes)} not sent`;
  const details = [state, endpoint].filter((text) => text !== null).join(' ');
  return `${String(count).padStart(6)} x ${type}  ${details}${queued}${pids(group, list)}`.trimEnd();
}

/** More pids than anybody looks up. */
const MOST_PIDS = 8;

/** Of children the pids, for `ps` and `kill`. */
function pids({ type, endpoint }: HandleGroup, list: readonly HandleRecord[]): string {
  const ids = list.flatMap(({ id, program, ...child }) =>
    id !== undefined && child.type === type && program === endpoint ? [id] : [],
  );
  if (ids.length === 0) return '';
  const more = ids.length > MOST_PIDS ? ', …' : '';
  return ` (pid ${ids.slice(0, MOST_PIDS).join(', ')}${more})`;
}

function keepsAliveSection(keepsAlive: Readonly<Record<string, number>>): string {
  const types = Object.entries(keepsAlive).map(([type, count]) => `${count} ${type}`);
  return types.length === 0
    ? 'Nothing keeps the process alive.'
    : `The process is kept alive by ${types.join(', ')}.`;
}

function warningSection(warnings: readonly string[]): string {
  return warnings.length === 0 ? '' : section('not found out', warnings);
}

function footer({ stats, awaits, seq }: DumpDocument): string {
  const pause =
    awaits.stats.pauseMs === 0 ? '' : `, stopped for ${Math.round(awaits.stats.pauseMs)} ms of it`;
  return `=== end of dump ${seq}: took ${Math.round(stats.tookMs)} ms${pause} ===`;
}

function section(title: string, lines: readonly string[], total = lines.length): string {
  const shown = lines.slice(0, MOST_LINES);
  const rest = total - shown.length;
  return [heading(title), ...indent(shown), ...(rest > 0 ? [`  … and ${rest} more`] : [])].join(
    '\n',
  );
}

function heading(title: string): string {
  return `--- ${printable(title)} ---`;
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${printable(line)}`);
}

function position({
  file,
  line,
  column,
}: {
  file: string;
  line: number;
  column: number | null;
}): string {
  return column === null ? `${file}:${line}` : `${file}:${line}:${column}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

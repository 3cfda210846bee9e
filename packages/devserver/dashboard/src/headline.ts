import { formatCount, formatDuration, formatList, formatSeconds } from './format.js';
import { lifecycleAt, type Moment, waitedFor } from './moment.js';
import type { LifecycleStatus, ListenerStatus } from './status.js';

/** What the page says first. */
export interface Headline {
  readonly tone: 'ok' | 'busy' | 'warn' | 'danger' | 'idle';
  readonly title: string;
  /** What it is waiting for, and until when; sentences. */
  readonly detail: string;
  /** The number to watch, with its unit, and what it counts. */
  readonly figure: { readonly value: string; readonly label: string } | null;
  /** Changes when there is something to announce, unlike the numbers. */
  readonly key: string;
}

/** Puts a moment into words. */
export function headlineOf(moment: Moment): Headline {
  const lifecycle = lifecycleAt(moment);
  switch (moment.kind) {
    case 'connecting':
      return plain('idle', 'Connecting', 'Waiting for the first answer of the devserver.');
    case 'locked':
      return plain(
        'warn',
        'Token needed',
        moment.given
          ? 'The token given is not the one that this devserver was started with.'
          : 'This devserver asks for the token it was started with.',
      );
    case 'unreachable':
      return plain('danger', 'No connection', `${sentence(moment.why)} Trying again every second.`);
    case 'blocked':
      return blocked(moment.blockedMs, lifecycle);
    case 'lost':
      return lost(moment.sinceMs, moment.why, lifecycle);
    case 'gone':
      return gone(moment.sinceMs, lifecycle);
    case 'live':
      return live(
        lifecycle as LifecycleStatus,
        moment.last.status.process.uptimeMs + moment.sinceMs,
      );
  }
}

function plain(tone: Headline['tone'], title: string, detail: string): Headline {
  return { tone, title, detail, figure: null, key: title };
}

function blocked(blockedMs: number, lifecycle: LifecycleStatus | null): Headline {
  return {
    tone: 'danger',
    title: 'Main thread blocked',
    detail:
      'No request, timer or signal is handled. A dump and a CPU profile work all the same, and show where it is. ' +
      `Below is what it said last, when it was ${lifecycle === null ? 'starting' : stateText(lifecycle)}.`,
    figure: { value: formatSeconds(blockedMs), label: 'without an answer' },
    key: 'blocked',
  };
}

function lost(sinceMs: number, why: string, lifecycle: LifecycleStatus | null): Headline {
  const state = lifecycle === null ? '' : ` It was ${stateText(lifecycle)}.`;
  return {
    tone: 'danger',
    title: 'Connection lost',
    detail: `${sentence(why)}${state} Below is the last state that is known. Trying again every second.`,
    figure: { value: formatSeconds(sinceMs), label: 'since the last answer' },
    key: 'lost',
  };
}

function gone(sinceMs: number, lifecycle: LifecycleStatus | null): Headline {
  const state = lifecycle === null ? 'stopping' : stateText(lifecycle);
  const open = lifecycle === null ? [] : waitedFor(lifecycle);
  const waiting = open.length === 0 ? '' : ` It was still waiting for ${namesOf(open)}.`;
  return {
    tone: 'idle',
    title: 'Process ended',
    detail:
      `The connection closed while the process was ${state}, as it does at the end of a stop.${waiting} ` +
      'A new process at this address is shown as soon as it answers.',
    figure: { value: formatSeconds(sinceMs), label: 'since the last answer' },
    key: 'gone',
  };
}

function live(lifecycle: LifecycleStatus, uptimeMs: number): Headline {
  const { state, stoppingMs } = lifecycle;
  if (state === 'running' || stoppingMs === null) return running(lifecycle, uptimeMs);
  const { wrapUpTimeMs, waitTimeMs } = lifecycle.settings;
  const figure = {
    value: formatSeconds(stoppingMs),
    label: `since ${lifecycle.signal ?? 'the stop began'}`,
  };
  const key = [state, lifecycle.stage, lifecycle.hammerMs !== null, stoppingMs > waitTimeMs].join();
  if (state === 'stopped') return { ...stopped(lifecycle), figure, key };
  if (state === 'wrapping-up') {
    const hold =
      stoppingMs < wrapUpTimeMs ? `, until ${formatDuration(wrapUpTimeMs)} at the latest` : '';
    const detail = `${byWhom(lifecycle)} No longer ready, still serving${hold}. ${waiting(lifecycle)}`;
    return { tone: 'busy', title: 'Wrapping up', detail, figure, key };
  }
  const title = lifecycle.stage === null ? 'Shutting down' : `Shutting down: ${lifecycle.stage}`;
  const detail = `${byWhom(lifecycle)} ${waiting(lifecycle)} ${deadline(lifecycle, stoppingMs)}`;
  const tone = lifecycle.hammerMs === null ? 'warn' : 'danger';
  return { tone, title, detail, figure, key };
}

function running(lifecycle: LifecycleStatus, uptimeMs: number): Headline {
  const { ready, probes } = lifecycle.health;
  const missing = probes.filter((probe) => !probe.ready).map(({ name }) => name);
  const figure = { value: formatDuration(uptimeMs), label: 'up' };
  const key = `running ${ready} ${missing.join()}`;
  if (probes.length === 0) {
    const detail = 'No probe is set, so the process counts as not ready.';
    return { tone: 'ok', title: 'Running', detail, figure, key };
  }
  if (!ready) {
    const detail = `Waiting for ${formatList(missing)}: ${missing.length} of ${formatCount(probes.length, 'probe')} not ready.`;
    return { tone: 'warn', title: 'Running, not ready', detail, figure, key };
  }
  const detail = `${formatCount(probes.length, 'probe')} ready. ${formatCount(lifecycle.listeners.length, 'listener')} to call at a stop.`;
  return { tone: 'ok', title: 'Running, ready', detail, figure, key };
}

function stopped(lifecycle: LifecycleStatus): Pick<Headline, 'tone' | 'title' | 'detail'> {
  const bad = lifecycle.listeners.filter(({ state }) => state !== 'ok');
  if (bad.length === 0)
    return {
      tone: 'ok',
      title: 'Stopped',
      detail: `${byWhom(lifecycle)} Every listener settled in time.`,
    };
  const detail = `${byWhom(lifecycle)} Not in order: ${formatList(
    bad.map(({ name, state }) => `${name} (${state})`),
    4,
  )}.`;
  return { tone: 'warn', title: 'Stopped', detail };
}

/** The figure names the signal already. */
function byWhom({ reason, signal }: LifecycleStatus): string {
  return reason === null || reason === signal ? '' : `By ${reason}.`;
}

function waiting(lifecycle: LifecycleStatus): string {
  const open = waitedFor(lifecycle);
  return open.length === 0 ? '' : `Waiting for ${namesOf(open)}.`;
}

function deadline({ hammerMs, settings }: LifecycleStatus, stoppingMs: number): string {
  const { hammerTimeMs, waitTimeMs } = settings;
  if (stoppingMs > waitTimeMs)
    return `Stuck: it was to end after ${formatDuration(waitTimeMs)} at the latest.`;
  if (hammerMs !== null)
    return `The hammer fell at ${formatDuration(hammerMs)}; the end comes at ${formatDuration(waitTimeMs)}.`;
  return `What is in flight is cut in ${formatSeconds(hammerTimeMs - stoppingMs)}.`;
}

function namesOf(listeners: readonly ListenerStatus[]): string {
  return formatList(
    listeners.map(({ name, durationMs }) =>
      durationMs === null ? name : `${name} (${formatSeconds(durationMs)})`,
    ),
  );
}

function stateText({ state, stage }: LifecycleStatus): string {
  if (state === 'wrapping-up') return 'wrapping up';
  if (state === 'shutting-down')
    return stage === null ? 'shutting down' : `shutting down stage ${stage}`;
  return state;
}

function sentence(text: string): string {
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

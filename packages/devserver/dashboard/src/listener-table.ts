import { formatDuration, formatSeconds } from './format.js';
import { createKeyedRows } from './keyed-rows.js';
import { element, pagePart, setText } from './page-part.js';
import type { LifecycleStatus, ListenerStatus } from './status.js';
import { type TimelineScale, timelineScale } from './timeline-scale.js';

/** Shows the listeners in the order of a stop, each with its time on the timeline. */
export function createListenerTable(): (lifecycle: LifecycleStatus) => void {
  const table = pagePart('listeners', HTMLTableElement);
  const empty = pagePart('listeners-empty', HTMLElement);
  let scale: TimelineScale = () => 0;
  const showRows = createKeyedRows<ListenerStatus>(pagePart('listener-rows', HTMLElement), {
    key: ({ phase, stage, name }) => `${phase}/${stage}/${name}`,
    create: createRow,
    update: (row, listener, previous) => updateRow(row, listener, previous, scale),
  });

  return (lifecycle) => {
    const { listeners, settings, stoppingMs, hammerMs } = lifecycle;
    scale = timelineScale(lifecycle);
    const hammerAt = hammerMs ?? settings.hammerTimeMs;
    placeMark(
      table,
      'hold',
      scale(settings.wrapUpTimeMs),
      `hold ${formatDuration(settings.wrapUpTimeMs)}`,
    );
    placeMark(table, 'hammer', scale(hammerAt), `hammer ${formatDuration(hammerAt)}`);
    placeMark(
      table,
      'end',
      scale(settings.waitTimeMs),
      `end ${formatDuration(settings.waitTimeMs)}`,
    );
    table.style.setProperty('--now', `${scale(stoppingMs ?? 0)}%`);
    table.dataset.hammer = hammerMs === null ? 'ahead' : 'fell';
    table.dataset.stopping = String(stoppingMs !== null);
    empty.hidden = listeners.length > 0;
    showRows(listeners);
  };
}

function placeMark(table: HTMLElement, name: string, percent: number, text: string): void {
  table.style.setProperty(`--${name}`, `${percent}%`);
  const mark = pagePart(`mark-${name}`, HTMLElement);
  mark.dataset.side = percent > 50 ? 'left' : 'right';
  setText(mark, text);
}

function createRow(): HTMLElement {
  const name = element('th', 'name');
  name.scope = 'row';
  const track = element('td', 'track', [element('span', 'bar')]);
  track.ariaHidden = 'true';
  return element('tr', '', [
    element('td', 'stage'),
    name,
    element('td', 'state'),
    element('td', 'number start'),
    element('td', 'number took'),
    track,
  ]);
}

function updateRow(
  row: HTMLElement,
  listener: ListenerStatus,
  previous: ListenerStatus | undefined,
  scale: TimelineScale,
): void {
  const [stage, name, state, start, took, track] = row.children as unknown as HTMLElement[];
  if (!stage || !name || !state || !start || !took || !track) return;
  const { startMs, durationMs } = listener;
  const stageName = listener.stage ?? listener.phase;
  row.dataset.state = listener.state;
  row.dataset.first = String(
    previous === undefined || (previous.stage ?? previous.phase) !== stageName,
  );
  setText(stage, stageName);
  setText(name, listener.name);
  setText(state, listener.state);
  setText(start, startMs === null ? '' : `+${formatSeconds(startMs)}`);
  setText(took, durationMs === null ? '' : tookText(listener.state, durationMs));
  const bar = track.firstElementChild as HTMLElement;
  bar.hidden = startMs === null || durationMs === null;
  if (startMs === null || durationMs === null) return;
  bar.style.left = `${scale(startMs)}%`;
  bar.style.width = `${scale(startMs + durationMs) - scale(startMs)}%`;
}

/** Only what still runs is counted in a unit that does not change. */
function tookText(state: ListenerStatus['state'], durationMs: number): string {
  return state === 'running' ? formatSeconds(durationMs) : formatDuration(durationMs);
}

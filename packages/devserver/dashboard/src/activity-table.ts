import { formatDuration } from './format.js';
import { createKeyedRows } from './keyed-rows.js';
import { element, pagePart, setText } from './page-part.js';
import type { Activity, Status } from './status.js';

/** Shows what is in flight, oldest first, all of it or one kind. */
export function createActivityTable(): (status: Status) => void {
  const total = pagePart('activity-total', HTMLElement);
  const note = pagePart('activity-note', HTMLElement);
  const table = pagePart('activities', HTMLTableElement);
  let chosen: string | null = null;
  let latest: Status | null = null;
  const showRows = createKeyedRows<Activity>(pagePart('activity-rows', HTMLElement), {
    key: ({ kind, name, owner, peer }) => [kind, name, owner, peer].join(),
    create: createRow,
    update: (row, activity) => updateRow(row, activity, latest),
  });
  const showKinds = createKindFilter((kind) => {
    chosen = kind;
    if (latest !== null) show(latest);
  });

  function show(status: Status): void {
    latest = status;
    const { activities, activityCounts } = status;
    if (chosen !== null && !(chosen in activityCounts)) chosen = null;
    const count = Object.values(activityCounts).reduce((sum, some) => sum + some, 0);
    const matching = activities.filter(({ kind }) => chosen === null || kind === chosen);
    const inAll = chosen === null ? count : (activityCounts[chosen] ?? 0);
    setText(total, count.toLocaleString('en'));
    setText(note, noteText(matching.length, inAll));
    table.hidden = matching.length === 0;
    showKinds(activityCounts, chosen);
    showRows(matching);
  }

  return show;
}

function noteText(shown: number, inAll: number): string {
  if (inAll === 0) return 'Nothing is in flight.';
  return shown < inAll ? `The oldest ${shown} of ${inAll.toLocaleString('en')}.` : '';
}

type Kind = readonly [kind: string | null, count: number | null];

function createKindFilter(
  choose: (kind: string | null) => void,
): (counts: Status['activityCounts'], chosen: string | null) => void {
  let chosenNow: string | null = null;
  const showButtons = createKeyedRows<Kind>(pagePart('activity-kinds', HTMLElement), {
    key: ([kind]) => kind ?? '',
    create: () => {
      const button = element('button', 'chip', [element('span'), element('span', 'count')]);
      button.type = 'button';
      button.addEventListener('click', () => choose(button.dataset.kind ?? null));
      return button;
    },
    update: (button, [kind, count]) => {
      if (kind !== null) button.dataset.kind = kind;
      button.ariaPressed = String(kind === chosenNow);
      setText(button.firstElementChild as Element, kind ?? 'all');
      setText(button.lastElementChild as Element, count?.toLocaleString('en') ?? '');
    },
  });
  return (counts, chosen) => {
    chosenNow = chosen;
    const kinds = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b));
    showButtons(kinds.length < 2 ? [] : [[null, null], ...kinds]);
  };
}

function createRow(): HTMLElement {
  return element('tr', '', [
    element('td', 'number age'),
    element('td', 'kind'),
    element('td', 'name'),
    element('td', 'state'),
    element('td', 'owner'),
    element('td', 'peer'),
  ]);
}

/** What is older than the time a stop leaves it would be cut by one. */
function updateRow(row: HTMLElement, activity: Activity, status: Status | null): void {
  const { ageMs, ageAtLeast, kind, name, state, owner, peer } = activity;
  const age = ageMs === null ? 'unknown' : `${ageAtLeast ? '>= ' : ''}${formatDuration(ageMs)}`;
  [age, kind, name, state ?? '', owner ?? '', peer ?? ''].forEach((text, index) => {
    const cell = row.children[index];
    if (cell !== undefined) setText(cell, text);
  });
  const hammerTimeMs = status?.lifecycle.settings.hammerTimeMs ?? Infinity;
  row.dataset.old = String(ageMs !== null && ageMs > hammerTimeMs);
}

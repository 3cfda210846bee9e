import { formatBytes, formatClock } from './format.js';
import { element, pagePart } from './page-part.js';
import type { Result } from './result.js';

/** As many as a person compares; what is older is dropped, so that the page does not grow without end. */
const MOST_RESULTS = 10;

/** Lists what was taken, newest first; `open` shows one. */
export function createResultList(open: (result: Result) => void): (result: Result) => void {
  const list = pagePart('results', HTMLElement);
  const empty = pagePart('results-empty', HTMLElement);
  return (result) => {
    empty.hidden = true;
    list.prepend(createEntry(result, open));
    while (list.children.length > MOST_RESULTS) list.lastElementChild?.remove();
  };
}

function createEntry(result: Result, open: (result: Result) => void): HTMLElement {
  const show = element('button', 'link', nameOf(result));
  show.type = 'button';
  show.ariaLabel = `${nameOf(result)} of ${formatClock(result.takenAt)}`;
  show.addEventListener('click', () => open(result));
  const save = element('button', 'link', 'Download');
  save.type = 'button';
  save.ariaLabel = `Download ${result.fileName}`;
  save.addEventListener('click', () => downloadResult(result));
  const time = element('time', 'number', formatClock(result.takenAt));
  return element('li', '', [
    time,
    show,
    element('span', 'number size', formatBytes(result.content.size)),
    save,
  ]);
}

const NAMES: Record<Result['kind'], string> = {
  dump: 'Dump',
  'cpu profile': 'CPU profile',
  'heap profile': 'Heap profile',
};

/** `CPU profile, 5 s`. */
export function nameOf({ kind, seconds }: Result): string {
  const name = NAMES[kind];
  return seconds === null ? name : `${name}, ${seconds} s`;
}

/** Saves a result as a file. */
export function downloadResult({ content, fileName }: Result): void {
  const link = element('a');
  link.href = URL.createObjectURL(content);
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(link.href);
}

import { copyText } from './copy-text.js';
import { formatClock } from './format.js';
import { pagePart, setText } from './page-part.js';
import type { Result } from './result.js';
import { downloadResult, nameOf } from './result-list.js';

/** Shows a result over the page: a dump as text, a profile as a flame graph. */
export function createResultDialog(): (result: Result) => Promise<void> {
  const dialog = pagePart('result', HTMLDialogElement);
  const title = pagePart('result-title', HTMLElement);
  const text = pagePart('result-text', HTMLElement);
  const graph = pagePart('result-graph', HTMLElement);
  const copy = pagePart('result-copy', HTMLButtonElement);
  let shown: Result | null = null;

  pagePart('result-download', HTMLButtonElement).addEventListener('click', () => {
    if (shown !== null) downloadResult(shown);
  });
  copy.addEventListener('click', async () => {
    setText(copy, (await copyText(text)) ? 'Copied' : 'Select and copy by hand');
  });
  pagePart('result-close', HTMLButtonElement).addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    graph.replaceChildren();
    text.textContent = '';
  });

  return async (result) => {
    shown = result;
    const isText = result.kind === 'dump';
    setText(title, `${nameOf(result)} · ${result.process} · ${formatClock(result.takenAt)}`);
    setText(copy, 'Copy');
    copy.hidden = !isText;
    text.hidden = !isText;
    graph.hidden = isText;
    graph.replaceChildren(...(isText ? [] : [flameGraph(result)]));
    text.textContent = isText ? await result.content.text() : '';
    if (!dialog.open) dialog.showModal();
    text.scrollTop = 0;
  };
}

/** speedscope reads the profile that the page has: it asks the process for nothing. */
function flameGraph(result: Result): HTMLIFrameElement {
  const frame = document.createElement('iframe');
  const title = `${nameOf(result)} of ${result.process}`;
  const profileUrl = URL.createObjectURL(result.content);
  frame.title = `Flame graph: ${title}`;
  frame.src = `speedscope/index.html#profileURL=${encodeURIComponent(profileUrl)}&title=${encodeURIComponent(title)}`;
  return frame;
}

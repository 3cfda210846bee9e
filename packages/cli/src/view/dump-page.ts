import type { DumpDocument } from '@lastcall/proc';
import { formatDump } from '@lastcall/proc';
import { type AwaitNode, awaitTree, positionOf } from './await-tree';
import { escapeHtml, page } from './page';

/** A dump as a page: the tree of what is suspended, to open and close, and the text. */
export function dumpPage(dump: DumpDocument): string {
  const { name, pid, host } = dump.process;
  const title = `${name}, pid ${pid} on ${host}`;
  const tree = awaitTree(dump.awaits.groups).map(nodeHtml).join('\n');
  const why =
    dump.awaits.reason === null ? '' : `<p class="soft">${escapeHtml(dump.awaits.reason)}</p>`;
  return page(
    title,
    `<h1>${escapeHtml(title)}</h1>
<p class="soft">${escapeHtml(dump.time)} · ${escapeHtml(dump.lifecycle.state)}</p>
<h2>${dump.awaits.suspended} ${dump.awaits.counted === 'promises' ? 'pending promises' : 'suspended functions'}</h2>
${why}${tree}
<h2>All of it</h2>
<pre class="mono">${escapeHtml(formatDump(dump))}</pre>`,
  );
}

function nodeHtml({ frame, count, waitingOn, children }: AwaitNode): string {
  const waits =
    waitingOn.length === 0 ? '' : ` <i>waits for ${escapeHtml(waitingOn.join(' or '))}</i>`;
  const line = `<b>${count} ×</b> ${escapeHtml(frame.functionName)} <code class="soft">${escapeHtml(positionOf(frame))}</code>${waits}`;
  if (children.length === 0) return `<div class="leaf">${line}</div>`;
  return `<details open><summary>${line}</summary>\n${children.map(nodeHtml).join('\n')}\n</details>`;
}

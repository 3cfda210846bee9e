import { formatBytesShort, formatMs, formatPercent } from './format.js';
import type { Sample } from './history.js';
import { createTimeChart } from './time-chart.js';

/** Draws the charts of the event loop and of memory. */
export function createProcessCharts(): (samples: readonly Sample[]) => void {
  const charts = [
    createTimeChart({
      id: 'chart-delay',
      title: 'Event-loop delay',
      format: formatMs,
      axis: (ms) => `${ms.toLocaleString('en')} ms`,
      atLeast: 10,
      lines: [
        { label: 'p50', colour: '--line-1', value: ({ loop }) => loop.delayMs?.p50 ?? null },
        { label: 'p99', colour: '--line-2', value: ({ loop }) => loop.delayMs?.p99 ?? null },
        { label: 'max', colour: '--line-3', value: ({ loop }) => loop.delayMs?.max ?? null },
      ],
    }),
    createTimeChart({
      id: 'chart-utilization',
      title: 'Event-loop utilization',
      format: formatPercent,
      atLeast: 1,
      atMost: 1,
      lines: [{ label: 'busy', colour: '--line-1', value: ({ loop }) => loop.utilization }],
    }),
    createTimeChart({
      id: 'chart-memory',
      title: 'Memory',
      format: formatBytesShort,
      axis: (bytes) => (bytes >= 1e9 ? `${bytes / 1e9} GB` : `${Math.round(bytes / 1e6)} MB`),
      atLeast: 32e6,
      lines: [
        { label: 'rss', colour: '--line-3', value: ({ memory }) => memory.rssBytes },
        { label: 'heap', colour: '--line-2', value: ({ memory }) => memory.heapTotalBytes },
        { label: 'used', colour: '--line-1', value: ({ memory }) => memory.heapUsedBytes },
        // Array buffers are part of it.
        { label: 'external', colour: '--line-4', value: ({ memory }) => memory.externalBytes },
      ],
    }),
  ];
  return (samples) => {
    for (const show of charts) show(samples);
  };
}

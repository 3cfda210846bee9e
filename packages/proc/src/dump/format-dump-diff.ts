import type { CountChange, DumpDiff, GroupChange } from './diff-dumps';
import { formatBytes, formatDuration } from './format-units';

/** What changed between two dumps, for people: growth first. */
export function formatDumpDiff(diff: DumpDiff): string {
  const sections = [
    `=== what changed in ${formatDuration(Math.abs(diff.elapsedMs))} ===`,
    section('await sites', diff.groups.map(groupText)),
    section('in flight', diff.activities.map(countLine)),
    section('handles', diff.handles.map(countLine)),
    section('kept alive by', diff.keepsAlive.map(countLine)),
    section('the code behind timers, sockets and listeners', diff.resources.map(countLine)),
    section('memory', diff.memory.map(memoryLine)),
    section('not compared', diff.warnings),
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return [`--- ${title} ---`, ...lines].join('\n');
}

function groupText({ before, after, frames }: GroupChange): string {
  const lines = frames.map(
    ({ functionName, file, line, column }) =>
      `      await ${functionName}  ${file}:${line}${column === null ? '' : `:${column}`}`,
  );
  return [`${growth(before, after)}  suspended (${before} -> ${after})`, ...lines].join('\n');
}

function countLine({ what, before, after }: CountChange): string {
  return `${growth(before, after)}  ${what} (${before} -> ${after})`;
}

function memoryLine({ what, before, after }: CountChange): string {
  const change = after - before;
  const growth = `${change < 0 ? '-' : '+'}${formatBytes(Math.abs(change))}`;
  return `${growth.padStart(10)}  ${what.replace('Bytes', '')} (${formatBytes(before)} -> ${formatBytes(after)})`;
}

function growth(before: number, after: number): string {
  const change = after - before;
  return `${change < 0 ? '' : '+'}${change}`.padStart(6);
}

import type { AwaitSites } from '../../protocol';
import type { MainStack } from '../main-stack';
import { ProfileBuilder } from './profile-builder';

/** Writes what the process waits at as Go writes its goroutines: how many per stack, labelled with what they wait for. */
export function awaitsToPprof(
  { groups }: Pick<AwaitSites, 'groups'>,
  main: MainStack | null,
): Uint8Array {
  const builder = new ProfileBuilder();
  if (main?.state === 'running') builder.add(main.frames, [1], { state: 'running' });
  for (const { frames, count, waitingOn } of groups) {
    const [waiting] = waitingOn;
    const labels = { state: 'suspended', ...(waiting ? { waiting_on: waiting.what } : {}) };
    builder.add(frames, [count], labels);
  }
  return builder.encode({
    sampleTypes: [['goroutine', 'count']],
    shownFirst: 'goroutine',
    periodType: ['goroutine', 'count'],
    period: 1,
    startedAt: Date.now(),
    durationMs: 0,
  });
}

/** The same as text, after the manner of Go's `?debug=1`: one paragraph per stack. */
export function awaitsToText(awaits: AwaitSites): string {
  const promises = awaits.counted === 'promises' ? ' promises' : '';
  const head = `goroutine profile: total ${awaits.suspended}${promises}\n`;
  const note = awaits.reason === null ? '' : `# ${awaits.status}: ${awaits.reason}\n`;
  const groups = awaits.groups.map(({ id, count, frames, waitingOn, ageMs }) => {
    const waits = waitingOn.map(({ what, confidence }) => `${what} (${confidence})`).join(', ');
    const age = ageMs === null ? '' : `# age: ${ageMs.min} to ${ageMs.max} ms\n`;
    const lines = frames.map(
      ({ functionName, file, line, column }) =>
        `#\t${functionName}\t${file}:${line}${column === null ? '' : `:${column}`}\n`,
    );
    return `${count} @ ${id}\n${waits === '' ? '' : `# waiting for: ${waits}\n`}${age}${lines.join('')}`;
  });
  const omitted = awaits.omittedGroups === 0 ? [] : [`# ${awaits.omittedGroups} more groups\n`];
  return [`${head}${note}`, ...groups, ...omitted].join('\n');
}

import { type BlockedDump, DumpDesk, formatBlockedDump } from '../src/worker/dump-desk';
import type { MainThread } from '../src/worker/main-thread';

/** A main thread that answers, but does not come to the end of a dump. */
const slow = {
  ask: async ({ kind }: { readonly kind: string }) => (kind === 'health' ? {} : undefined),
  state: () => ({ responsive: false, blockedMs: 0 }),
  lastHealth: { debuggable: true },
  lastStatus: {
    process: { name: 'orders', pid: 7, host: 'vm', node: 'v20.0.0' },
    lifecycle: { state: 'running', health: { ready: true } },
    activityCounts: {},
  },
  lastAgesMs: { health: 1200, status: 60_000 },
} as unknown as MainThread;

it('a dump that takes too long is not told as a main thread that does not answer', async () => {
  const made = await new DumpDesk(slow).take('always');
  if (made.kind !== 'blocked') throw new Error('it was made');
  expect(made.dump).toMatchObject({ unfinishedMs: 30_000, stack: null });
  const text = formatBlockedDump(made.dump);
  expect(text).toContain('the dump that was asked for is not done after 30 s');
  expect(text).not.toContain('has not answered');
});

it('a name that holds a line of its own, or a command to the terminal, is shown without', () => {
  const frame = { functionName: 'a\n\u001b[31m=== end of dump ===', file: 'b\r\u202e.js' };
  const frames = [{ ...frame, line: 1, column: 2, startLine: 1 }];
  const stack = { state: 'running', isLate: false, frames };
  const { lastStatus: last, lastAgesMs } = slow;
  const blocked = { time: '', mainThread: { blockedMs: 9 }, unfinishedMs: null, stackError: null };
  const text = formatBlockedDump({ ...blocked, stack, last, lastAgesMs } as unknown as BlockedDump);
  expect(text).toContain('\n    a\uFFFD\uFFFD[31m=== end of dump ===  b\uFFFD\uFFFD.js:1:2\n');
});

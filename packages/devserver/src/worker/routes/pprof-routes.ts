import { type DumpDesk, formatBlockedDump } from '../dump-desk';
import { Exclusive } from '../exclusive';
import { HttpError } from '../http-error';
import { assertNotDebugged } from '../main-stack';
import type { MainThread } from '../main-thread';
import { choice, MAX_SECONDS, seconds } from '../parse-query';
import { awaitsToPprof, awaitsToText } from '../pprof/awaits-to-pprof';
import { cpuToPprof } from '../pprof/cpu-to-pprof';
import { heapToPprof } from '../pprof/heap-to-pprof';
import { download, JSON_TYPE, type Reply, text } from '../reply';
import type { Route, Visit } from '../route';
import { sampleStacks } from '../sample-stacks';
import { HEAP_INTERVAL_BYTES, takeCpuProfile, takeHeapProfile } from '../take-profiles';

/** Go's default for a CPU profile. */
const CPU_SECONDS = 30;
const HEAP_SECONDS = 5;
/** The await sites are not looked for more often than that. */
const GOROUTINE_FRESH_MS = 5000;

/** `/debug/pprof/…`: what `go tool pprof`, Pyroscope and Alloy ask a Go process for. */
export function pprofRoutes(
  main: MainThread,
  dumps: DumpDesk,
  commandLine: readonly string[],
): [string, Route][] {
  const cpu = new Exclusive('CPU profile');
  const heap = new Exclusive('heap profile');

  async function profile({ query, signal }: Visit): Promise<Reply> {
    const duration = seconds(query, CPU_SECONDS);
    const format = choice(query, 'format', ['pprof', 'cpuprofile']);
    const startedAt = Date.now();
    const taken = await cpu.run(async () => {
      const isAnswering = (await main.ask({ kind: 'health' })) !== undefined;
      if (isAnswering) return takeCpuProfile(duration, signal);
      assertNotDebugged(main);
      return sampleStacks(duration, signal);
    });
    if (format === 'cpuprofile')
      return download('cpu.cpuprofile', JSON.stringify(taken), JSON_TYPE);
    return download('profile', cpuToPprof(taken, startedAt));
  }

  async function space(kind: 'inuse_space' | 'alloc_space', visit: Visit): Promise<Reply> {
    const duration = seconds(visit.query, HEAP_SECONDS);
    const format = choice(visit.query, 'format', ['pprof', 'heapprofile']);
    assertHeapIsFree(main);
    const startedAt = Date.now();
    const isAlloc = kind === 'alloc_space';
    const taken = await heap.run(() => takeHeapProfile(duration, isAlloc, visit.signal));
    const name = isAlloc ? 'allocs' : 'heap';
    if (format === 'heapprofile')
      return download(`${name}.heapprofile`, JSON.stringify(taken), JSON_TYPE);
    const durationMs = duration * 1000;
    const how = { kind, startedAt, durationMs, intervalBytes: HEAP_INTERVAL_BYTES };
    return download(name, heapToPprof(taken, how));
  }

  async function goroutine({ query }: Visit): Promise<Reply> {
    const debug = choice(query, 'debug', ['0', '1', '2']);
    const awaits = choice(query, 'awaits', ['auto', 'always']);
    const made = await dumps.take(awaits, GOROUTINE_FRESH_MS);
    if (debug === '2')
      return text(made.kind === 'full' ? made.dump.text : formatBlockedDump(made.dump));
    if (made.kind === 'blocked') {
      if (debug === '1') return text(formatBlockedDump(made.dump));
      return download('goroutine', awaitsToPprof({ groups: [] }, made.dump.stack));
    }
    const found = made.dump.awaits;
    if (debug === '1') return text(awaitsToText(found));
    if (found.status === 'skipped') throw notLookedFor(found.reason);
    return download('goroutine', awaitsToPprof(found, null));
  }

  return [
    ['/debug/pprof', { answer: () => moved('/debug/pprof/') }],
    ['/debug/pprof/', { answer: () => indexPage() }],
    ['/debug/pprof/profile', { answer: profile, isCostly: true }],
    ['/debug/pprof/heap', { answer: (visit) => space('inuse_space', visit), isCostly: true }],
    ['/debug/pprof/allocs', { answer: (visit) => space('alloc_space', visit), isCostly: true }],
    ['/debug/pprof/goroutine', { answer: goroutine, isCostly: true }],
    ['/debug/pprof/cmdline', { answer: () => text(commandLine.join('\0')) }],
  ];
}

/** As Go's does: the links of the index are relative. */
function moved(path: string): Reply {
  return { ...text(`${path}\n`, 301), headers: { Location: path } };
}

/** V8 samples the heap once per isolate: a second sampling would end with the first. */
function assertHeapIsFree(main: MainThread): void {
  if (!main.lastStatus.profiling) return;
  throw new HttpError(409, 'the process takes a profile of its own; one at a time', {
    'Retry-After': '5',
  });
}

function notLookedFor(reason: string | null): HttpError {
  const message = `the await sites were not looked for: ${reason ?? 'no reason given'}`;
  return new HttpError(503, message, { 'Retry-After': '5' });
}

const PROFILES = [
  ['allocs?seconds=5', 'what is allocated in these seconds, whether it is still there or not'],
  ['cmdline', 'the command line, secrets redacted'],
  [
    'goroutine?debug=1',
    'what suspended functions wait at; debug=2: the whole dump; debug=0: as pprof',
  ],
  ['heap?seconds=5', 'what is allocated in these seconds and still there'],
  ['profile?seconds=10', 'CPU time of the main thread, also while it is blocked'],
] as const;

function indexPage(): Reply {
  const rows = PROFILES.map(
    ([path, what]) => `<li><a href="${path}">${path.replace(/\?.*/, '')}</a>: ${what}</li>`,
  );
  const body = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>/debug/pprof/</title>
<h1>/debug/pprof/</h1>
<ul>
${rows.join('\n')}
</ul>
<p>For <code>go tool pprof</code>, Pyroscope and the like. <code>seconds</code> is 1 to ${MAX_SECONDS};
<code>format=cpuprofile</code> and <code>format=heapprofile</code> give what DevTools and speedscope read.</p>
<p><a href="/">dashboard</a> <a href="../dump">dump</a> <a href="../../metrics">metrics</a></p>
</html>
`;
  return { type: 'text/html; charset=utf-8', body };
}

// `npm run demo`: a service under load gets SIGTERM. With lastcall nothing is lost; as it is usually done, it is.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '@lastcall/proc';
import { bold, dim, green, red } from 'picocolors';
import { drawTimeline } from './draw-timeline';
import { type LoadCounts, startLoad } from './load';
import { type ServiceEnd, startService } from './start-service';

type Result = ServiceEnd & LoadCounts & { readonly title: string };

const SIGTERM_AFTER_MS = 2000;
const PROGRESS_EVERY_MS = 500;

const say = (text = ''): void => console.log(text);

/** Starts a service, puts load on it, sends SIGTERM in the middle, and says what became of it all. */
async function act(
  title: string,
  command: readonly [string, ...string[]],
  env: Record<string, string> = {},
): Promise<Result> {
  say(`\n${bold(title)}  ${dim(`node ${command.join(' ')}`)}`);
  const startedAt = Date.now();
  const at = (): string => dim(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s `);
  const service = await startService(command, env, (line) => say(`${at()}  ${line}`));
  const load = startLoad(service.origin);
  const progress = setInterval(
    () => say(`${at()}  ${countsLine(load.counts())}`),
    PROGRESS_EVERY_MS,
  );
  await delay(SIGTERM_AFTER_MS);
  say(
    `${at()}  ${bold(`kill -TERM ${service.pid}`)}, ${load.counts().inFlight} requests in flight`,
  );
  service.kill('SIGTERM');
  const [end] = await Promise.all([service.ended, load.over]);
  clearInterval(progress);
  say(`${at()}  ${endLine(end)}; ${countsLine(load.counts())}`);
  return { title, ...end, ...load.counts() };
}

function countsLine({ sent, answered, failed, inFlight }: LoadCounts): string {
  const lost = failed === 0 ? '0 failed' : red(`${failed} failed`);
  return `${sent} sent, ${answered} answered, ${lost}, ${inFlight} in flight`;
}

function endLine({ code, signal }: ServiceEnd): string {
  return signal === null ? `exit code ${code}` : `ended by ${signal}`;
}

function resultLine({ title, sent, answered, failed, jobsLost, failures }: Result): string {
  const kinds = Object.entries(failures).map(([kind, count]) => `${count} ${kind}`);
  const isClean = failed + jobsLost === 0;
  const lost = `${failed}`.padStart(9) + `${jobsLost}`.padStart(11);
  return (
    title.padEnd(24) +
    `${sent}`.padStart(7) +
    `${answered}`.padStart(10) +
    `${isClean ? green(lost) : red(lost)}  ${dim(kinds.join(', '))}`
  );
}

async function withLastcall(): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-demo-'));
  const file = join(folder, 'report.json');
  const result = await act('1. with lastcall', ['service.ts'], { LASTCALL_REPORT: file });
  const report: Report = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(folder, { recursive: true });
  say();
  for (const line of drawTimeline(report)) say(`  ${line}`);
  return result;
}

async function main(): Promise<void> {
  say(bold('A service under load gets SIGTERM.'));
  say(
    'Clients keep their connections and never retry: quick requests, slow ones, one long upload.',
  );
  say(
    'They go through a balancer that checks /readyz every 100 ms and stops sending when it is not 200;',
  );
  say('what it would send later is refused or goes elsewhere, which is its business.');
  const ours = await withLastcall();
  const results = [
    ours,
    await act('2. server.close()', ['service-by-hand.ts', 'close']),
    await act('3. process.exit()', ['service-by-hand.ts', 'exit']),
  ];
  say(`\n${bold('                           sent  answered     lost  jobs lost')}`);
  for (const result of results) say(resultLine(result));
  say(
    dim('Without lastcall nothing tells the balancer in time: it learns from requests that fail.'),
  );
  const isClean = ours.failed + ours.jobsLost === 0 && ours.signal === 'SIGTERM';
  say(
    `\n${isClean ? green('With lastcall nothing was lost.') : red('With lastcall something was lost.')}`,
  );
  process.exitCode = isClean ? 0 : 1;
}

void main();

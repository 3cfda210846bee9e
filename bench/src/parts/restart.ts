import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../free-ports';
import { Generations } from '../generations';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';

interface RestartResult {
  /** Milliseconds from SIGHUP to the first answer of the new generation. */
  readonly firstAnswerMs: readonly number[];
  /** Milliseconds from the start of the same program to its first answer. */
  readonly bareStartMs: readonly number[];
  /** How long the event loop of the old generation stood still while the new one was started, by the memory it had. */
  readonly pauses: readonly { readonly megabytes: number; readonly ms: readonly number[] }[];
}

async function run(progress: Progress, { quick }: Effort): Promise<RestartResult> {
  const [firstAnswerMs, bareStartMs] = await firstAnswers(quick ? 2 : 15);
  progress(`first answer ${format(firstAnswerMs)} ms, bare start ${format(bareStartMs)} ms`);
  const pauses: RestartResult['pauses'][number][] = [];
  for (const megabytes of quick ? [0] : [0, 500, 1000]) {
    const ms = await spawnPauses(megabytes, quick ? 1 : 5);
    pauses.push({ megabytes, ms });
    progress(`pause with ${megabytes} MB more: ${format(ms)} ms`);
  }
  return { firstAnswerMs, bareStartMs, pauses };
}

/** From SIGHUP, and from a start of the same program, to the first answer, in turns. */
async function firstAnswers(rounds: number): Promise<[number[], number[]]> {
  const upgrades: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const [port = 0] = await freePorts(1);
    const sockets = [{ name: 'web', port, host: '127.0.0.1' }];
    const plan = { '*': { sockets, setup: { bakeMs: 0 } } };
    const startedAt = performance.now();
    await using service = new Generations('service.cjs', { PLAN: JSON.stringify(plan) });
    starts.push((await firstAnswer(port, 1)) - startedAt);
    const { pid } = await service.saw({ generation: 1, ready: true });
    const signalledAt = performance.now();
    process.kill(pid, 'SIGHUP');
    upgrades.push((await firstAnswer(port, 2)) - signalledAt);
  }
  return [upgrades, starts];
}

/** Asks again and again, each time on a new connection, until that generation answers. */
async function firstAnswer(port: number, generation: number): Promise<number> {
  for (;;) {
    const answer = await ask(port);
    if (answer?.startsWith(`${generation}:`)) return performance.now();
    await delay(2);
  }
}

function ask(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    }).on('error', () => resolve(null));
  });
}

/** How long the old generation's event loop stood still around the start of the new one. */
async function spawnPauses(megabytes: number, rounds: number): Promise<number[]> {
  const pauses: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const plan = {
      '*': { setup: { bakeMs: 0 } },
      1: { measurePause: megabytes, setup: { bakeMs: 0 } },
    };
    await using service = new Generations('service.cjs', { PLAN: JSON.stringify(plan) });
    const { pid } = await service.saw({ generation: 1, ready: true });
    process.kill(pid, 'SIGHUP');
    const { pauseMs } = await service.saw({ pid, paused: true });
    pauses.push(Number(pauseMs));
  }
  return pauses;
}

function format(ms: readonly number[]): string {
  return formatNumber(median(ms), 1);
}

function render({ firstAnswerMs, bareStartMs, pauses }: RestartResult): string {
  const ratio = median(firstAnswerMs) / median(bareStartMs);
  return [
    `From SIGHUP to the first answer of the new generation: ${format(firstAnswerMs)} ms; from the start of the same program to its first answer:`,
    `${format(bareStartMs)} ms (medians of ${firstAnswerMs.length}, in turns): ${ratio.toFixed(2)} times as long.`,
    '',
    'The event loop of the old generation stands still while the new process is started, as the kernel copies the page tables:',
    '',
    markdownTable(
      ['memory besides that of Node', 'longest pause, ms'],
      pauses.map(({ megabytes, ms }) => [`${megabytes} MB`, format(ms)]),
    ),
  ].join('\n');
}

function budgets({ firstAnswerMs, bareStartMs }: RestartResult): Budget[] {
  const ratio = median(firstAnswerMs) / median(bareStartMs);
  return [atMost('first answer after SIGHUP, of a bare start', ratio, 1.2, '')];
}

export const restart: Part<RestartResult> = {
  name: 'restart',
  title: 'How long an upgrade takes',
  run,
  render,
  budgets,
};

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { formatNumber, markdownTable } from '../markdown-table';
import { atLeast, atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const ROOT = join(__dirname, '..', '..', '..');
const SCRIPT = join(ROOT, 'packages', 'cli', 'test', 'harness', 'many-upgrades.ts');

const SETUPS = ['chain', 'supervised', 'byHand'] as const;
type Setup = (typeof SETUPS)[number];

const LABELS: Readonly<Record<Setup, string>> = {
  chain: '**lastcall**, each process starts its successor',
  supervised: '**lastcall**, under `lastcall run`',
  byHand: 'the same hand-over, but `server.close()` instead of the drain',
};

/** Clients of each of ten kinds. */
const CLIENTS = 8;
const TIMEOUT_MS = 45 * 60_000;

/** What the script counted; see `LoadResult` there. */
interface Counted {
  readonly answered: number;
  readonly failed: number;
  readonly refused: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, { readonly failed: number }>>;
}

interface UpgradesResult {
  readonly upgrades: Readonly<Record<Setup, number>>;
  readonly counted: Readonly<Record<Setup, Counted>>;
}

async function run(progress: Progress, { quick }: Effort): Promise<UpgradesResult> {
  const upgrades = quick
    ? { chain: 3, supervised: 3, byHand: 3 }
    : { chain: 100, supervised: 100, byHand: 30 };
  const counted: Partial<Record<Setup, Counted>> = {};
  for (const setup of SETUPS) {
    const one = await upgrade(setup, upgrades[setup]);
    counted[setup] = one;
    progress(
      `${setup}: ${upgrades[setup]} upgrades in ${formatNumber(one.seconds)} s, ${formatNumber(one.answered)} answered, ${one.failed} failed, ${one.refused} refused`,
    );
  }
  return { upgrades, counted: counted as Record<Setup, Counted> };
}

function upgrade(setup: Setup, upgrades: number): Promise<Counted> {
  const options = {
    topology: setup === 'supervised' ? 'supervised' : 'chain',
    drain: setup === 'byHand' ? 'by-hand' : 'lastcall',
    upgrades,
    clients: CLIENTS,
  };
  const args = ['-r', 'ts-node/register/transpile-only', SCRIPT, JSON.stringify(options)];
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      args,
      { cwd: ROOT, timeout: TIMEOUT_MS, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Counted);
        else reject(new Error(`${error.message}\n${stderr}`));
      },
    );
  });
}

function render({ upgrades, counted }: UpgradesResult): string {
  const rows = SETUPS.map((setup) => {
    const { answered, failed, refused, seconds } = counted[setup];
    return [
      LABELS[setup],
      formatNumber(upgrades[setup]),
      formatNumber(answered),
      `**${formatNumber(failed)}**`,
      formatNumber(refused),
      formatNumber(seconds / upgrades[setup], 2),
    ];
  });
  return [
    `${CLIENTS} clients of each of ten kinds send one request after the other while the service is upgraded again and again: fresh`,
    'connections, kept-alive, pipelined, slow (150 ms) and streamed responses, https, a unix socket (fresh and kept-alive), WebSockets that',
    'reconnect, HTTP/2. None retries. Refused: HTTP/2 streams that met a GOAWAY and were not processed, which RFC 9113 makes safe to send',
    'again; Node has no way around them. An upgrade includes 150 ms in which the new process must live (`bakeMs`).',
    '',
    markdownTable(
      ['', 'upgrades', 'answered', 'failed', 'refused, safe to retry', 's/upgrade'],
      rows,
    ),
  ].join('\n');
}

function budgets({ counted }: UpgradesResult): Budget[] {
  const { chain, supervised } = counted;
  return [
    atMost('requests that failed in 100 upgrades, chain', chain.failed, 0, ''),
    atMost('requests that failed in 100 upgrades, supervised', supervised.failed, 0, ''),
    atLeast('requests answered meanwhile', chain.answered + supervised.answered, 200_000, ''),
  ];
}

export const upgrades: Part<UpgradesResult> = {
  name: 'upgrades',
  title: 'Requests lost in upgrades',
  run,
  render,
  budgets,
};

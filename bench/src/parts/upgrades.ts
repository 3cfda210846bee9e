import { formatNumber, markdownTable } from '../markdown-table';
import { atLeast, atMost, type Budget, type Effort, type Part, type Progress } from '../part';
import { rollByCluster, rollByPm2 } from '../rolling-restarts';
import { runManyUpgrades } from '../run-many-upgrades';
import type { ClientCounts } from '../upgrade-clients';

const LABELS = {
  chain: '**lastcall**, each process starts its successor',
  supervised: '**lastcall**, under `lastcall run`',
  byHand: 'the same hand-over, but `server.close()` instead of the drain',
  cluster: '`node:cluster`, `worker.disconnect()`',
  pm2: '`pm2 reload`, cluster mode',
} as const;
type Setup = keyof typeof LABELS;

/** Clients of each kind. */
const CLIENTS = 8;

const UPGRADES = 100;
const UPGRADES_OF_OTHERS = 20;
const REQUESTS = 200_000;

interface Measured extends Pick<ClientCounts, 'answered' | 'failed' | 'refused' | 'counts'> {
  readonly upgrades: number;
  readonly seconds: number;
}

type UpgradesResult = Readonly<Record<Setup, Measured>>;

async function run(progress: Progress, { quick }: Effort): Promise<UpgradesResult> {
  const upgrades = quick ? 3 : UPGRADES;
  const restarts = quick ? 3 : UPGRADES_OF_OTHERS;
  const requests = quick ? 0 : REQUESTS / 2;
  const clients = CLIENTS;
  const ours = { drain: 'lastcall', upgrades, requests, clients } as const;
  const byHand = { drain: 'by-hand', upgrades: restarts, clients } as const;
  const rolling = { restarts, clients };
  const measures: Readonly<Record<Setup, () => Promise<Omit<Measured, 'upgrades'>>>> = {
    chain: () => runManyUpgrades({ topology: 'chain', ...ours }),
    supervised: () => runManyUpgrades({ topology: 'supervised', ...ours }),
    byHand: () => runManyUpgrades({ topology: 'chain', ...byHand }),
    cluster: () => rollByCluster(rolling),
    pm2: () => rollByPm2(rolling),
  };
  const result: Partial<Record<Setup, Measured>> = {};
  for (const setup of Object.keys(LABELS) as Setup[]) {
    const { failures, ...measured } = {
      upgrades: restarts,
      ...(await measures[setup]()),
    } as Measured & ClientCounts;
    result[setup] = measured;
    const { answered, failed, refused, seconds } = measured;
    progress(
      `${setup}: ${measured.upgrades} upgrades in ${formatNumber(seconds)} s, ${formatNumber(answered)} answered, ${failed} failed, ${refused} refused`,
    );
    // Ours must not have any; the others' say themselves what they lose.
    if (setup === 'chain' || setup === 'supervised') for (const line of failures) progress(line);
  }
  return result as UpgradesResult;
}

function render(result: UpgradesResult): string {
  const rows = (Object.keys(LABELS) as Setup[]).map((setup) => {
    const { upgrades, answered, failed, refused, seconds } = result[setup];
    return [
      LABELS[setup],
      formatNumber(upgrades),
      formatNumber(answered + failed),
      formatNumber(answered / seconds),
      `**${formatNumber(failed)}**`,
      formatNumber(refused),
      formatNumber(seconds / upgrades, 2),
    ];
  });
  const refused = (...kinds: string[]): string =>
    formatNumber(
      [result.chain, result.supervised]
        .flatMap(({ counts }) => kinds.map((kind) => counts[kind]?.refused ?? 0))
        .reduce((sum, count) => sum + count),
    );
  return [
    `${CLIENTS} clients of each kind send one request after the other while the service is replaced again and again, and none retries: fresh`,
    'connections, kept-alive, pipelined, slow (150 ms) and streamed responses, https, a unix socket (fresh and kept-alive), WebSockets that',
    'reconnect, HTTP/2, gRPC (unary and streams); of `node:cluster` and pm2 without the last three. *Refused*, not processed and safe to send',
    `again: HTTP/2 streams that met a GOAWAY (RFC 9113; ${refused('h2')} of lastcall's; Node has no way around them), gRPC calls of which the same`,
    `is true (${refused('grpc', 'grpcStream')}; clients send them again by themselves unless that is switched off, as here), WebSockets that were told 1001 or`,
    `1012 (${refused('webSocket')}), requests`,
    'pipelined behind `Connection: close`. An upgrade of lastcall includes 100 to 150 ms in which the new process must live (`bakeMs`), and',
    'one of `node:cluster` and pm2 a pause of 300 ms.',
    '',
    markdownTable(
      ['', 'upgrades', 'requests', 'requests/s', 'failed', 'refused, safe to retry', 's/upgrade'],
      rows,
    ),
  ].join('\n');
}

function budgets({ chain, supervised }: UpgradesResult): Budget[] {
  return [
    atMost(`requests that failed in ${chain.upgrades} upgrades, chain`, chain.failed, 0, ''),
    atMost(
      `requests that failed in ${supervised.upgrades} upgrades, supervised`,
      supervised.failed,
      0,
      '',
    ),
    atLeast('upgrades in a chain', chain.upgrades, UPGRADES, ''),
    atLeast('upgrades under `lastcall run`', supervised.upgrades, UPGRADES, ''),
    atLeast('requests answered meanwhile', chain.answered + supervised.answered, REQUESTS, ''),
  ];
}

export const upgrades: Part<UpgradesResult> = {
  name: 'upgrades',
  title: 'Requests lost in upgrades',
  run,
  render,
  budgets,
};

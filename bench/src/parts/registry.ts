import { Child } from '../child';
import type { RegistryOptions, RegistryTimes } from '../children/registry';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const COUNTS = [10, 100, 1_000, 10_000, 100_000];
const BUDGET_MICROS = 5;

/** Nanoseconds, medians. */
interface Row {
  readonly listeners: number;
  /** Per listener, when the code is warm; to run, without what a stop costs that calls only one. */
  readonly register: number;
  readonly run: number;
  /** What a stop costs that calls only one, when the code is warm. */
  readonly baseRun: number;
  /** All of them registered and run, for the first and only stop of a fresh process. */
  readonly cold: number;
}

interface RegistryResult {
  readonly rows: Readonly<Record<RegistryOptions['phase'], readonly Row[]>>;
}

async function ask(options: RegistryOptions): Promise<RegistryTimes> {
  await using child = new Child('registry', {});
  return await child.ask<RegistryTimes>('measure', options);
}

async function run(progress: Progress, { quick }: Effort): Promise<RegistryResult> {
  const rows: Record<RegistryOptions['phase'], Row[]> = { 'wrap-up': [], shutdown: [] };
  for (const listeners of COUNTS) {
    for (const phase of ['shutdown', 'wrap-up'] as const) {
      rows[phase].push(await measureRow(listeners, phase, quick ? 1 : 3));
    }
    progress(`${formatNumber(listeners)} listeners`);
  }
  return { rows };
}

async function measureRow(
  listeners: number,
  phase: RegistryOptions['phase'],
  processes: number,
): Promise<Row> {
  // Few listeners take less time than a stop's own varies by: it takes many stops to see them.
  const lifecycles = Math.min(500, Math.max(5, Math.ceil(15_000 / listeners)));
  const warm: RegistryTimes[] = [];
  const cold: RegistryTimes[] = [];
  for (let i = 0; i < processes; i++) {
    warm.push(await ask({ listeners, lifecycles, phase, isWarm: true }));
    cold.push(await ask({ listeners, lifecycles: 1, phase, isWarm: false }));
  }
  const baseRun = median(warm.flatMap((times) => times.baseRun));
  return {
    listeners,
    baseRun,
    register: median(warm.flatMap(({ register }) => register)) / listeners,
    run: (median(warm.flatMap(({ run }) => run)) - baseRun) / (listeners - 1),
    cold: median(cold.map(({ register, run }) => (register[0] as number) + (run[0] as number))),
  };
}

function render({ rows }: RegistryResult): string {
  const table = rows.shutdown.map((row, i) => {
    const wrapUp = rows['wrap-up'][i] as Row;
    return [
      formatNumber(row.listeners),
      micros(row.register),
      micros(row.run),
      micros(wrapUp.register),
      micros(wrapUp.run),
      formatNumber(row.cold / 1e6, 1),
    ];
  });
  const baseRun = median(rows.shutdown.map((row) => row.baseRun));
  return [
    "Microseconds per listener to register and to run it, in lifecycles of their own (`createLifecycle({ exit: 'none', logger: false })`), once the code is",
    `warm and without what a stop costs that calls only one (${micros(baseRun)} µs). Last column: all of them registered with \`onShutdown\` and run,`,
    'the first and only time in a fresh process, as a service does it, in milliseconds.',
    '',
    markdownTable(
      ['listeners', '`onShutdown`', 'run', '`onWrapUp`', 'run', 'cold, in all, ms'],
      table,
    ),
  ].join('\n');
}

function micros(nanoseconds: number): string {
  return formatNumber(nanoseconds / 1000, 2);
}

function budgets({ rows }: RegistryResult): Budget[] {
  const all = [...rows.shutdown, ...rows['wrap-up']];
  const worst = (key: 'register' | 'run'): number => Math.max(...all.map((row) => row[key])) / 1000;
  return [
    atMost(
      'registering a listener, the worst of all sizes',
      worst('register'),
      BUDGET_MICROS,
      ' µs',
    ),
    atMost('running a listener, the worst of all sizes', worst('run'), BUDGET_MICROS, ' µs'),
  ];
}

export const registry: Part<RegistryResult> = {
  name: 'registry',
  title: 'Listeners',
  run,
  render,
  budgets,
};

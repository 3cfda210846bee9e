import type {
  OtherWorkerStatus,
  ProcessStatus,
  SupervisorStatus,
  WorkerStatus,
} from '@lastcall/restart/control';
import { printable } from '../printable';
import type { Printer } from '../printer';
import { formatStack } from '../view/stack-text';
import { formatBytes, formatDuration } from '../view/units';

/** What a process is doing, for people. */
export function statusText(status: ProcessStatus | SupervisorStatus, printer: Printer): string {
  return status.role === 'service' ? serviceText(status, printer) : supervisorText(status, printer);
}

function serviceText(status: ProcessStatus, { colors }: Printer): string {
  const { process: self, lifecycle, restart, memory, mainThread, activities } = status;
  const { health, listeners, reason, stage, stoppingMs } = lifecycle;
  const running = listeners.filter(({ state }) => state === 'running').map(({ name }) => name);
  const counts = Object.entries(activities).map(([kind, count]) => `${count} ${kind}`);
  const work = counts.length === 0 ? 'nothing' : printable(counts.join(', '));
  return [
    `${colors.bold(printable(self.name))} pid ${self.pid} on ${printable(self.host)}, node ${printable(self.node)}, up ${formatDuration(self.uptimeMs)}`,
    `  state    ${lifecycle.state}, ${health.ready ? colors.green('ready') : colors.yellow('not ready')}`,
    ...(mainThread.responsive
      ? []
      : [
          `  ${colors.red('blocked')}  the main thread has not answered for ${mainThread.blockedMs} ms; the rest is what was known before`,
          ...formatStack(mainThread.stack),
        ]),
    ...(reason === null
      ? []
      : [
          `  stop     by ${printable(reason)}, for ${formatDuration(stoppingMs ?? 0)}${stage === null ? '' : `, stage ${stage}`}${running.length === 0 ? '' : `, waits for ${printable(running.join(', '))}`}`,
        ]),
    `  work     ${work} in flight${counts.length === 0 ? ' that lastcall knows of' : ''}`,
    `  memory   rss ${formatBytes(memory.rssBytes)}, heap ${formatBytes(memory.heapUsedBytes)}`,
    ...(restart === null
      ? []
      : [
          `  restart  generation ${restart.generation}, ${wordsFor(restart.state)}${restart.topology === null ? '' : `, ${wordsFor(restart.topology)}`}`,
          ...restart.sockets.map(
            ({ name, address, inherited }) =>
              `  socket   ${printable(name)} ${printable(address)}${inherited ? ' (inherited)' : ''}`,
          ),
        ]),
  ].join('\n');
}

function supervisorText(status: SupervisorStatus, { colors }: Printer): string {
  const { process: self, state, command, workers, sockets } = status;
  return [
    `${colors.bold(printable(self.name))} pid ${self.pid}, lastcall run, ${wordsFor(state)}, up ${formatDuration(self.uptimeMs)}`,
    `  runs     ${printable(command.join(' '))}`,
    ...workers.flatMap(workerLines),
    ...sockets.map(({ name, address }) => `  socket   ${printable(name)} ${printable(address)}`),
  ].join('\n');
}

/** Words of the protocol that say little to who has not read it; docs/cli.md has the others. */
const WORDS: Readonly<Record<string, string>> = {
  rolling: 'replaces its workers',
  leaving: 'asked to end',
  waiting: 'to be started anew',
  vacant: 'has ended, and is started anew by lastcall reload alone',
  upgrading: 'about to be replaced',
  replaced: 'replaced, drains',
  chain: 'started by the generation before',
  supervised: 'under lastcall run',
};

/** A word of the protocol as `lastcall status` says it. */
export function wordsFor(word: string): string {
  return WORDS[word] ?? word;
}

/** A supervisor of an earlier version does not tell of other processes. */
function workerLines({
  slot,
  pid,
  generation,
  state,
  restarts,
  uptimeMs,
  successor,
  draining,
}: Partial<WorkerStatus>): string[] {
  const counted = `${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`;
  const up = uptimeMs == null ? '' : `, up ${formatDuration(uptimeMs)}`;
  const other = (process: OtherWorkerStatus, does: string): string =>
    `            pid ${process.pid}, generation ${process.generation}, ${wordsFor(process.state)}, up ${formatDuration(process.uptimeMs)}, ${does}`;
  return [
    `  worker ${slot}  pid ${pid ?? '-'}, generation ${generation}, ${wordsFor(String(state))}, ${counted}${up}`,
    ...(successor == null ? [] : [other(successor, 'takes over when it has proved itself')]),
    ...(draining ?? []).map((process) => other(process, 'drains')),
  ];
}

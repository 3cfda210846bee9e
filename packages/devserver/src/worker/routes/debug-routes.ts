import type { Report } from '@lastcall/proc';
import { type DumpDesk, formatBlockedDump } from '../dump-desk';
import type { MainThread } from '../main-thread';
import { choice } from '../parse-query';
import { JSON_TYPE, json, type Reply, text } from '../reply';
import type { Route, Visit } from '../route';
import { takeStatus } from '../status-document';
import type { StatusStream } from '../status-stream';

/** What the routes below `/debug/` ask. */
export interface DebugSources {
  readonly main: MainThread;
  readonly dumps: DumpDesk;
  readonly stream: StatusStream;
  /** The report of the stop, once there is one. */
  report(): Report | null;
}

/** `/debug/status`, `/debug/stream`, `/debug/dump` and `/debug/report`. */
export function debugRoutes({ main, dumps, stream, report }: DebugSources): [string, Route][] {
  async function dump({ query }: Visit): Promise<Reply> {
    const format = choice(query, 'format', ['text', 'json']);
    const awaits = choice(query, 'awaits', ['auto', 'always', 'never']);
    const made = await dumps.take(awaits);
    if (format === 'text')
      return text(made.kind === 'full' ? made.dump.text : formatBlockedDump(made.dump));
    return made.kind === 'full' ? { type: JSON_TYPE, body: made.dump.json } : json(made.dump);
  }

  /** The report comes with the end of the stop; until then the status says how far it is. */
  async function showReport(): Promise<Reply> {
    const known = report();
    if (known !== null) return json({ final: true, report: known });
    const { time, mainThread, lifecycle } = await takeStatus(main);
    return json({ final: false, time, mainThread, lifecycle });
  }

  return [
    ['/debug/status', { answer: async () => json(await takeStatus(main)) }],
    ['/debug/stream', { answer: () => stream.watch(), isCostly: true }],
    ['/debug/dump', { answer: dump, isCostly: true }],
    ['/debug/report', { answer: showReport }],
  ];
}

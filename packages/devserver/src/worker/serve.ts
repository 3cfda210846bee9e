import type { Server } from 'node:http';
import type { MessagePort } from 'node:worker_threads';
import type { Report } from '@lastcall/proc';
import type { StatusSnapshot, ToMain, ToWorker, WorkerSettings } from '../protocol';
import { DumpDesk } from './dump-desk';
import { Guard } from './guard';
import { HttpError } from './http-error';
import { createHttpServer } from './http-server';
import { type Listening, listen } from './listen';
import { MainThread } from './main-thread';
import { requestHandler } from './request-handler';
import type { Routes } from './route';
import { debugRoutes } from './routes/debug-routes';
import { metricsRoute } from './routes/metrics-route';
import { pageRoutes } from './routes/page-routes';
import { pprofRoutes } from './routes/pprof-routes';
import { probeRoutes } from './routes/probe-routes';
import { statusDocument } from './status-document';
import { StatusStream } from './status-stream';
import { WatchRest } from './watch-rest';

/** Runs the devserver in this thread until the main thread, at the other end of `port`, closes it. */
export async function serve(
  port: MessagePort,
  settings: WorkerSettings,
  pages: string,
): Promise<void> {
  const tell = (message: ToMain): void => port.postMessage(message);
  const rest = new WatchRest(tell);
  const main = new MainThread((id, question) => {
    rest.asked(question);
    tell({ type: 'ask', id, question });
  }, settings.status);
  const stream = new StatusStream(main);
  const dumps = new DumpDesk(main);
  const closing = new AbortController();
  let report: Report | null = null;
  const routes: Routes = new Map([
    ...probeRoutes(main, settings.liveLimitMs),
    metricsRoute(main, Date.now() - settings.status.process.uptimeMs),
    ...debugRoutes({ main, dumps, stream, report: () => report }),
    ...pprofRoutes(main, dumps, settings.commandLine),
    ...pageRoutes(pages),
  ]);
  const server = createHttpServer(requestHandler(new Guard(settings), routes, closing.signal));
  let listening: Listening | undefined;

  const close = (last: StatusSnapshot | null): void => {
    closing.abort(new HttpError(503, STOPPED));
    rest.close();
    stream.close(last === null ? null : statusDocument(last, main.state(true)));
    listening?.remove();
    endServer(server, () => {
      tell({ type: 'closed' });
      port.close();
    });
  };
  port.on('message', (message: ToWorker) => {
    if (message.type === 'answer') main.answered(message.id, message.value);
    else if (message.type === 'failed') main.failed(message.id, message.message);
    else if (message.type === 'status') main.knowStatus(message.status);
    else if (message.type === 'report') report = message.report;
    else close(message.status);
  });
  try {
    listening = await listen(server, settings.target);
    tell({ type: 'listening', address: listening.address });
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    tell({ type: 'refused', code, message });
  }
}

/** Answers under way are aborted and get a moment to be written; then the connections are closed. */
function endServer(server: Server, onClosed: () => void): void {
  server.close(onClosed);
  setTimeout(() => server.closeAllConnections(), LAST_WORDS_MS);
}

const LAST_WORDS_MS = 50;

const STOPPED =
  'the devserver was closed, as at the end of a stop, before this was done; ' +
  'a profile begun with SIGUSR2 or proc.startProfile() is written when the process stops';

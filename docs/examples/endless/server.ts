// The test server of fvbock/endless: a request takes as long as it asks for, and may outlive its process's replacement.
//
//   curl 'http://localhost:4242/foo?duration=20s' &
//   kill -HUP <pid>
//   curl 'http://localhost:4242/foo?duration=0s'      answered by the new process, while the old one finishes the first
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { attachHttp } from '@lastcall/http';
import { proc, signals } from '@lastcall/proc';
import { restart } from '@lastcall/restart';

// endless's 60 s of hammer time: what is in flight then is cut.
proc.setup({ wrapUpTimeMs: 0, hammerTimeMs: 60_000, waitTimeMs: 65_000 });

// endless's hooks, RegisterSignalHook(PRE_SIGNAL, syscall.SIGHUP, …) and POST_SIGNAL.
signals.before('SIGHUP', () => console.log(`${process.pid}: pre SIGHUP`));
signals.after('SIGHUP', () => console.log(`${process.pid}: post SIGHUP`));

const server = createServer(async (request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const seconds = Number.parseFloat(searchParams.get('duration') ?? '0');
  const startedAt = new Date().toISOString();
  console.log(`${process.pid}: sleeping for ${seconds} s`);
  await delay(seconds * 1000);
  response.end(`started at ${startedAt}, slept for ${seconds} s, from pid ${process.pid}.\n`);
});
attachHttp(server, { name: 'web' });

async function main(): Promise<void> {
  await restart.listen(server, {
    name: 'web',
    port: Number(process.env.PORT ?? 4242),
    host: '127.0.0.1',
    beforeBegin: (address) => console.log(`${process.pid}: serving ${address}`),
  });
  await restart.ready();
}

void main();

// Go's os/signal: SIGHUP reloads the configuration while requests go on.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { attachHttp } from '@lastcall/http';
import { signals } from '@lastcall/proc';

const file = process.env.CONFIG ?? 'config.json';
let config = { greeting: 'hello' };

async function reloadOnHangup(): Promise<void> {
  const channel = signals.channel(1);
  signals.notify(channel, 'SIGHUP');
  for await (const signal of channel) {
    config = JSON.parse(await readFile(file, 'utf8'));
    console.log(`${signal}: the greeting is now '${config.greeting}'`);
  }
}

const server = createServer(async (_request, response) => {
  await delay(300);
  response.end(`${config.greeting}\n`);
});
attachHttp(server);
server.listen(8080);
void reloadOnHangup();

// Every request listens for changes of the configuration, and nobody removes the listener when the request is over.
// Node warned of it at the eleventh; then somebody allowed any number.
import { EventEmitter } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';

class Config extends EventEmitter {
  greeting = 'hello';
}

const config = new Config().setMaxListeners(0);

function greet(response: ServerResponse): void {
  let greeting = config.greeting;
  config.on('change', () => (greeting = config.greeting)); // <- culprit
  response.end(`${greeting}\n`);
}

const server = createServer((_, response) => greet(response));
attachHttp(server, { name: 'greeter' });
server.listen(0, () => console.log(`port ${(server.address() as AddressInfo).port}.`));

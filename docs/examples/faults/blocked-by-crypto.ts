// Passwords are checked with pbkdf2Sync(): strong, and on the main thread. While one password is checked, nobody else
// is served.
import { pbkdf2Sync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';
import { proc } from '@lastcall/proc';

const ITERATIONS = 2_000_000;

function hashOf(password: string, salt: string): string {
  return pbkdf2Sync(password, salt, ITERATIONS, 64, 'sha512').toString('hex'); // <- culprit
}

const server = createServer(({ url = '/' }, response) => {
  response.end(`${hashOf(url.slice(1), 'a salt')}\n`);
});
proc.setup({ watchdog: { thresholdMs: 200 } });
attachHttp(server, { name: 'login' });
server.listen(0, () => console.log(`port ${(server.address() as AddressInfo).port}.`));

// Names are checked with a pattern that has a repetition in a repetition. For most names it takes a microsecond; for one
// that almost fits it tries every way to cut the name into parts, and there are 2^n of them.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';
import { proc } from '@lastcall/proc';

const NAME = /^(\w+\s?)*$/;

function isName(text: string): boolean {
  return NAME.test(text); // <- culprit
}

const server = createServer(({ url = '/' }, response) => {
  response.end(isName(decodeURIComponent(url.slice(1))) ? 'welcome\n' : 'no such name\n');
});
proc.setup({ watchdog: { thresholdMs: 200 } });
attachHttp(server, { name: 'names' });
server.listen(0, () => console.log(`port ${(server.address() as AddressInfo).port}.`));

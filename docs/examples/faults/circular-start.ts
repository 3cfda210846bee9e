// Every part of a service is started once, and waits for the parts it needs. Billing needs the catalogue, which since
// the last release needs billing: each waits for the promise of the other, and the service never gets ready.
import { proc } from '@lastcall/proc';

const needs: Record<string, readonly string[]> = {
  api: ['billing', 'catalogue'],
  billing: ['catalogue'],
  catalogue: ['billing'],
};
const started = new Map<string, Promise<void>>();

function start(name: string): Promise<void> {
  let promise = started.get(name);
  if (promise === undefined) {
    promise = startWithNeeds(name);
    started.set(name, promise);
  }
  return promise;
}

async function startWithNeeds(name: string): Promise<void> {
  await null; // reads the configuration
  for (const need of needs[name] ?? []) {
    await start(need); // <- culprit
  }
  console.log(`${name} is up`);
}

proc.install();
setInterval(() => console.log(`${started.size} parts start`), 30_000);
void start('api');
setImmediate(() => console.log('up'));

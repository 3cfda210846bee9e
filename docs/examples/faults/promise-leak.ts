// Every event is written to an audit log, and nobody waits for that: void audit(). The log takes one writer at a time,
// the first one never finished, and so two thousand calls pile up unseen.
import { proc } from '@lastcall/proc';

const queue: (() => void)[] = [];
let isBusy = false;

async function takeTurn(): Promise<void> {
  if (isBusy) await new Promise<void>((resolve) => queue.push(resolve));
  isBusy = true;
}

async function audit(event: string): Promise<void> {
  await takeTurn(); // <- culprit
  console.log(`writing ${event}`);
  // endTurn() was here, before the log was rewritten.
}

function endTurn(): void {
  isBusy = false;
  queue.shift()?.();
}

proc.onShutdown(endTurn, { name: 'audit log' });
setInterval(() => void audit('heartbeat'), 30_000);
for (let order = 0; order < 2001; order += 1) void audit(`order ${order}`);
console.log('up');

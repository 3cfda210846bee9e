// A consumer looks for messages until there is one, and gives way with `await null`. That gives way to promises only:
// timers, sockets and signals never get their turn, so the message never comes.
import { proc } from '@lastcall/proc';

const messages: string[] = [];

async function nextMessage(): Promise<string | undefined> {
  while (messages.length === 0) await null; // <- culprit
  return messages.shift();
}

proc.setup({ watchdog: { thresholdMs: 200 } });
proc.install();
setTimeout(() => messages.push('hello'), 100);
setTimeout(() => void nextMessage().then(console.log), 10);
console.log('up');

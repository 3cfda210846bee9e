// Invoices are typeset in a worker. It waits for a font to be loaded, by a thread that has crashed: it never answers.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { proc } from '@lastcall/proc';

const typesetter = `
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.once('message', (invoice) => {
    Atomics.wait(workerData.font, 0, 0);
    parentPort.postMessage(invoice + ' typeset');
  });
  parentPort.postMessage('ready');
`;

async function typeset(invoice: string): Promise<string> {
  const font = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(typesetter, { eval: true, workerData: { font } });
  await once(worker, 'message');
  worker.postMessage(invoice);
  console.log('sent to the typesetter');
  const [page] = await once(worker, 'message'); // <- culprit
  return page;
}

proc.install();
void typeset('invoice 1').then(console.log);

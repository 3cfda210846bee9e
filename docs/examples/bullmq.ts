// A worker of BullMQ: at the stop it finishes the job in hand. One that is too long gives up when the hammer falls, and goes
// back to the queue without losing an attempt.
import { setTimeout as delay } from 'node:timers/promises';
import { attachBullmq } from '@lastcall/queue/bullmq';
import { type Job, Worker } from 'bullmq';

const { hostname: host, port } = new URL(process.env.REDIS_URL ?? 'redis://localhost:6379');

async function pack(job: Job<number>): Promise<void> {
  console.log(`packing order ${job.name}`);
  await delay(job.data, undefined, { signal: orders.cutSignal });
  console.log(`packed order ${job.name}`);
}

const connection = { host, port: Number(port) };
const worker = new Worker<number>(process.env.QUEUE ?? 'orders', pack, { connection });
// Right after its making, so that it knows of the first job.
const orders = attachBullmq(worker, { name: 'orders' });

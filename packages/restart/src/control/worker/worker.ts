import { parentPort, workerData } from 'node:worker_threads';
import { serveThread } from './serve-thread';

// Entry of the worker thread.
if (parentPort !== null) void serveThread(parentPort, workerData);

import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { serve } from './serve';

// Entry of the worker thread.
if (parentPort !== null)
  void serve(parentPort, workerData, join(__dirname, '..', '..', 'dashboard', 'dist'));

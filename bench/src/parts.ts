import { type RunnablePart, runnable } from './part';
import { db } from './parts/db';
import { dbDrain } from './parts/db-drain';
import { diagnostics } from './parts/diagnostics';
import { grpc } from './parts/grpc';
import { importTime } from './parts/import';
import { lostRequests } from './parts/lost-requests';
import { memory } from './parts/memory';
import { overhead } from './parts/overhead';
import { registry } from './parts/registry';
import { restart } from './parts/restart';
import { stop } from './parts/stop';
import { throughput } from './parts/throughput';
import { upgrades } from './parts/upgrades';
import { workers } from './parts/workers';

/** The parts, in the order of the page. */
export const PARTS: readonly RunnablePart[] = [
  runnable(lostRequests),
  runnable(upgrades),
  runnable(restart),
  runnable(throughput),
  runnable(workers),
  runnable(overhead),
  runnable(grpc),
  runnable(db),
  runnable(dbDrain),
  runnable(stop),
  runnable(memory),
  runnable(importTime),
  runnable(registry),
  runnable(diagnostics),
];

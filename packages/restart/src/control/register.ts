import { isMainThread } from 'node:worker_threads';
import { toError } from '@lastcall/proc';
import { startControl } from './start-control';

// For `node --import @lastcall/restart/control/register app.js`: a control socket without a line of code.

if (isMainThread)
  startControl().catch((thrown: unknown) => {
    // The service matters more than who looks at it.
    process.emitWarning(toError(thrown));
  });

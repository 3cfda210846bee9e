import { proc } from './index';

// For `node --import @lastcall/proc/register app.js`: the handlers are there before the program's first line, so that a
// signal during a slow start does not meet the default disposition (SIGUSR1 would open the inspector, SIGUSR2 kill).

proc.install();

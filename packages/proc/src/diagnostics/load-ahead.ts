import type { Remover } from '../environment';

declare const jest: unknown;

/** Not in the way of a program that starts. */
const DELAY_MS = 1000;
/** Each takes some milliseconds: the event loop turns in between. */
const PAUSE_MS = 20;

/** What a dump or a profile needs of our own files, as far as the watchdog's thread does not load it itself. */
const LOADERS: readonly (() => unknown)[] = [
  () => require('../format-event'),
  () => require('../error-codes'),
  () => require('./diagnostics'),
  () => require('./process-diagnostics'),
  () => require('../dump-files/dump-files'),
  () => require('../profile/profiler'),
  () => require('../await-sites/find-await-sites'),
];

/** Loads the code of dumps and profiles, part by part, a moment from now. Keeps nothing alive, and never throws. */
export function loadAhead(): Remover {
  // Inside of Jest, whose modules see this name: it ends them with the test, and fails it for one that is loaded later.
  if (typeof jest !== 'undefined') return () => {};
  // From the sources (ts-node, tsx) loading means compiling, which takes a second; and no deploy replaces them.
  // (A bundle of ES modules does not have the name.)
  if (typeof __filename === 'string' && __filename.endsWith('.ts')) return () => {};
  let timer = setTimeout(load, DELAY_MS, 0).unref();

  function load(at: number): void {
    try {
      LOADERS[at]?.();
    } catch {
      // The signal will try again, and say so.
    }
    if (at + 1 < LOADERS.length) timer = setTimeout(load, PAUSE_MS, at + 1).unref();
  }

  return () => clearTimeout(timer);
}

import type { Remover } from '../environment';

declare const jest: unknown;

/** Not in the way of a program that starts. */
const DELAY_MS = 1000;
/** Each takes some milliseconds: the event loop turns in between. */
const PAUSE_MS = 20;

/**
 * What a dump or a profile needs of our own files, as far as the watchdog's thread does not load it itself. Each is required from the
 * folder from which it will be: where that differs Node looks for the file, which may be gone, although the module is there.
 */
const LOADERS: readonly (() => unknown)[] = [
  () => require('./diagnostics'),
  () => require('../dump-files/dump-files'),
  () => require('../profile/profiler'),
  () => require('../await-sites/find-await-sites'),
];

/**
 * Loads the code of dumps and profiles, part by part, a moment from now: `first`, then the rest. Keeps nothing alive, and
 * never throws.
 */
export function loadAhead(first: () => unknown): Remover {
  // Inside of Jest, whose modules see this name: it ends them with the test, and fails it for one that is loaded later.
  if (typeof jest !== 'undefined') return () => {};
  // From the sources (ts-node, tsx) loading means compiling, which takes a second; and no deploy replaces them.
  // (A bundle of ES modules does not have the name.)
  if (typeof __filename === 'string' && __filename.endsWith('.ts')) return () => {};
  const loaders = [first, ...LOADERS];
  let timer = setTimeout(load, DELAY_MS, 0).unref();

  function load(at: number): void {
    try {
      loaders[at]?.();
    } catch {
      // The signal will try again, and say so.
    }
    if (at + 1 < loaders.length) timer = setTimeout(load, PAUSE_MS, at + 1).unref();
  }

  return () => clearTimeout(timer);
}

import type { Remover } from './environment';

const ignore = (): void => {};

/**
 * Ignores that stdout or stderr cannot be written. Their reader is often asked to end at the same moment (`node app.js | tee log`
 * at Ctrl-C): a line that the application writes then is an error that nobody listens for, which ends the process with whatever
 * is in flight.
 */
export function ignoreOutputErrors(): Remover {
  const streams = (['stdout', 'stderr'] as const).flatMap((name) => {
    try {
      return [process[name]];
    } catch {
      // A descriptor of a kind that Node has no stream for: nothing is written there.
      return [];
    }
  });
  for (const stream of streams) stream.on('error', ignore);
  return () => {
    for (const stream of streams) stream.off('error', ignore);
  };
}

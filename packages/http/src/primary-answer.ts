import type { Remover } from '@lastcall/proc';
import { askPrimary } from './primary-question';

/**
 * Calls `answered` once the primary of the cluster has read what this worker has told it so far, and this worker whatever the
 * primary had sent until then; after `timeoutMs` in any case, and at once when there is no primary any more.
 *
 * @returns what gives it up
 */
export function whenPrimaryAnswers(timeoutMs: number, answered: () => void): Remover {
  let isOver = false;
  const end = (): void => {
    isOver = true;
    clearTimeout(timer);
    process.off('disconnect', finish);
  };
  const finish = (): void => {
    if (isOver) return;
    end();
    answered();
  };
  const ask = (): void => {
    askPrimary((hasSentMore) => {
      // The answer overtakes connections that wait for this worker to confirm others; by now it has.
      if (hasSentMore && !isOver) ask();
      else finish();
    });
  };
  const timer = setTimeout(finish, process.connected ? timeoutMs : 0);
  process.once('disconnect', finish);
  if (process.connected) ask();
  return end;
}

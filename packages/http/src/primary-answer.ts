import type { Socket } from 'node:dgram';
import type { Remover } from '@lastcall/proc';

/**
 * Calls `answered` once the primary of the cluster has read what this worker has told it so far, and this worker whatever the
 * primary had sent until then; after `timeoutMs` in any case, and at once when there is no primary any more.
 *
 * Node tells nobody that the primary has read a message. So it is asked for a socket that it cannot give: one of UDP over IPv6
 * with an address of IPv4. The refusal comes behind every connection that it has sent.
 *
 * @returns what gives it up
 */
export function whenPrimaryAnswers(timeoutMs: number, answered: () => void): Remover {
  const question = ask();
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    process.off('disconnect', finish);
    question?.close();
  };
  const finish = (): void => {
    // Also the refusal that comes too late.
    if (isOver) return;
    end();
    answered();
  };
  const timer = setTimeout(finish, question === undefined ? 0 : timeoutMs);
  process.once('disconnect', finish);
  question?.once('error', finish).once('listening', finish);
  return end;
}

/** Undefined where nobody would answer. */
function ask(): Socket | undefined {
  if (!process.connected) return undefined;
  // Part of the binary, so no deploy can have replaced it on disk by now.
  const { createSocket } = require('node:dgram') as typeof import('node:dgram');
  const address = '127.0.0.1';
  // A name would be looked up first.
  const lookup = (
    _hostname: string,
    _options: unknown,
    found: (error: null, address: string, family: number) => void,
  ): void => found(null, address, 6);
  return createSocket({ type: 'udp6', lookup: lookup as never }).bind({ address, port: 0 });
}

import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Service } from '../../../restart/test/harness/service';

/** Waits until the supervisor or a worker has written this to stderr. Ends with the service at the latest. */
export async function logged(service: Service, text: string | RegExp): Promise<string> {
  const stream = service.child.stderr as Readable;
  for (;;) {
    const found = typeof text === 'string' ? findText(service.err, text) : text.exec(service.err);
    if (found != null) return found[0];
    if (stream.readableEnded) throw new Error(`never wrote ${String(text)}\n${service.err}`);
    await Promise.race([once(stream, 'data'), once(stream, 'end')]);
  }
}

function findText(all: string, text: string): [string] | null {
  return all.includes(text) ? [text] : null;
}

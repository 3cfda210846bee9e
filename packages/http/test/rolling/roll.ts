import { within } from '../harness/deadline';
import type { Instance, InstanceEnd } from './instance';
import type { Place } from './rotation';
import { runFixture } from './run-fixture';

/** What the clients saw. */
export interface LoadResult {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly failures: readonly object[];
}

/** Stops and starts every instance in turn, `rounds` times; the next one only when the last is back in rotation. */
export async function roll(instances: readonly Instance[], rounds: number): Promise<InstanceEnd[]> {
  const ends: InstanceEnd[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const instance of instances) {
      ends.push(await instance.stop());
      await instance.start();
      await instance.isInRotation();
    }
  }
  return ends;
}

/** Puts load on the balancer for as long as `action` takes. */
export async function underLoad<T>(
  { port }: Place,
  instances: readonly Instance[],
  action: () => Promise<T>,
): Promise<{ load: LoadResult; outcome: T }> {
  const clients = runFixture('load.ts', { LOAD_ORIGIN: `http://127.0.0.1:${port}` });
  try {
    await Promise.all(instances.map((instance) => instance.isInRotation()));
    const outcome = await action();
    clients.child.stdin?.end();
    const { out } = await within('the end of the load', clients.ended);
    return { load: JSON.parse(out) as LoadResult, outcome };
  } finally {
    clients.kill('SIGKILL');
  }
}

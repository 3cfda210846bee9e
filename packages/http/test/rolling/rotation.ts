import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Balancer, freePorts } from './balancer';
import { Instance } from './instance';

/** Two instances and the balancer in front of them. */
export interface Rotation {
  readonly place: Place;
  readonly instances: readonly Instance[];
  readonly balancer: Balancer;
}

/** Where the parts of a rotation are. */
export interface Place {
  /** A folder of the test's own that everybody may read. */
  readonly folder: string;
  readonly port: number;
  readonly ports: readonly [a: number, b: number];
}

export interface RotationOptions {
  /** Starts the balancer for instances at these ports. */
  readonly startBalancer: (place: Place) => Balancer;
  /** The environment of each instance. */
  readonly env?: (name: string, place: Place) => Record<string, string>;
}

/** Starts two instances and a balancer, runs `action`, and ends whatever runs still. */
export async function withRotation(
  { startBalancer, env = () => ({}) }: RotationOptions,
  action: (rotation: Rotation) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-rolling-'));
  const [port = 0, a = 0, b = 0] = await freePorts(3);
  const place: Place = { folder, port, ports: [a, b] };
  const instances = [
    new Instance({ name: 'a', port: a, folder, env: env('a', place) }),
    new Instance({ name: 'b', port: b, folder, env: env('b', place) }),
  ];
  let balancer: Balancer | undefined;
  try {
    await Promise.all(instances.map((instance) => instance.start()));
    balancer = startBalancer(place);
    await balancer.listensOn(port);
    await action({ place, instances, balancer });
  } finally {
    await Promise.all([balancer?.dispose(), ...instances.map((instance) => instance.dispose())]);
    rmSync(folder, { recursive: true, force: true });
  }
}

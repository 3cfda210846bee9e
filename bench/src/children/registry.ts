// Registers and runs many listeners, in lifecycles of their own that do not end the process.
import { createLifecycle, type Lifecycle } from '@lastcall/proc';
import { answerParent } from '../parent';

/** What the child is asked to do. */
export interface RegistryOptions {
  readonly listeners: number;
  readonly phase: 'wrap-up' | 'shutdown';
  /** How many lifecycles to measure, one after the other. */
  readonly lifecycles: number;
  /** Whether the code is to be warm; else the first lifecycle measured is the first that this process has. */
  readonly isWarm: boolean;
}

/** Nanoseconds, one for each lifecycle. */
export interface RegistryTimes {
  readonly register: number[];
  readonly run: number[];
  /** What a stop takes that calls one listener: all that is not per listener. */
  readonly baseRun: number[];
}

const WARM_UP_LIFECYCLES = 20;
const WARM_UP_LISTENERS = 1_000;

async function measure(options: RegistryOptions): Promise<RegistryTimes> {
  const { listeners, phase, lifecycles, isWarm } = options;
  const times: RegistryTimes = { register: [], run: [], baseRun: [] };
  for (let i = 0; isWarm && i < WARM_UP_LIFECYCLES; i++) {
    await runLifecycle(1, phase);
    await runLifecycle(WARM_UP_LISTENERS, phase);
  }
  for (let i = 0; i < lifecycles; i++) {
    const { register, run } = await runLifecycle(listeners, phase);
    times.register.push(register);
    times.run.push(run);
    if (isWarm) times.baseRun.push((await runLifecycle(1, phase)).run);
  }
  return times;
}

async function runLifecycle(
  listeners: number,
  phase: RegistryOptions['phase'],
): Promise<{ register: number; run: number }> {
  const lifecycle = createLifecycle({ exit: 'none', logger: false });
  // The first listener would install the signal handlers.
  lifecycle.install();
  let calls = 0;
  const startedAt = process.hrtime.bigint();
  register(lifecycle, phase, listeners, () => {
    calls += 1;
  });
  const registeredAt = process.hrtime.bigint();
  await lifecycle.shutdown();
  const endedAt = process.hrtime.bigint();
  if (calls !== listeners) throw new Error(`${calls} of ${listeners} listeners ran`);
  return { register: Number(registeredAt - startedAt), run: Number(endedAt - registeredAt) };
}

function register(
  lifecycle: Lifecycle,
  phase: RegistryOptions['phase'],
  listeners: number,
  listener: () => void,
): void {
  for (let i = 0; i < listeners; i++) {
    if (phase === 'wrap-up') lifecycle.onWrapUp(listener, { name: 'listener' });
    else lifecycle.onShutdown(listener, { name: 'listener' });
  }
}

answerParent({ measure });
process.channel?.ref();

import type { Lifecycle, UpgradeEvent } from '@lastcall/proc';

/** Emits the event `upgrade`; what is not given has nothing to say. */
export type TellUpgrade = (
  step: UpgradeEvent['step'],
  details: Partial<Pick<UpgradeEvent, 'reason' | 'pid' | 'atMs' | 'error' | 'onTerminal'>>,
) => void;

/** Events of `generation`, on `lifecycle`. */
export function createTellUpgrade(lifecycle: Lifecycle, generation: number): TellUpgrade {
  return (step, details) => {
    const event = { type: 'upgrade', step, generation, reason: '', pid: null, atMs: 0 } as const;
    lifecycle.tell({ ...event, ...details });
  };
}

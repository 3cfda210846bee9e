import type { CutWork, Outcome } from './cut-work';
import { describeWaiter, describeWork } from './describe-work';
import type { DrainDriver } from './drain-driver';
import type { DrainSettings } from './drain-options';
import type { Entry, LedgerObserver, Waiter } from './ledger';

/**
 * Notes what is lost between the begin of the process's stop and the pool's stage: whoever reads the report wants to know of
 * it, although the drain has not begun.
 */
export class EarlyLosses<W extends object> implements LedgerObserver<W> {
  readonly cut: CutWork[] = [];
  readonly #driver: Pick<DrainDriver<W>, 'look'>;
  readonly #settings: DrainSettings;

  constructor(driver: Pick<DrainDriver<W>, 'look'>, settings: DrainSettings) {
    this.#driver = driver;
    this.#settings = settings;
  }

  lost(work: W, entry: Entry<W>, outcome: Exclude<Outcome, 'finished'>): void {
    const what = describeWork(entry, this.#driver.look(work), this.#settings);
    this.cut.push({ ...what, outcome });
  }

  failed(waiter: Waiter): void {
    this.cut.push(describeWaiter(waiter));
  }

  ended(): void {}
  changed(): void {}
}

import { LastcallError } from '@lastcall/proc';
import type { GenerationState } from './restart';
import type { Upgrade } from './upgrade';

type Life =
  | { readonly name: 'starting' | 'serving' | 'stopping' }
  | { readonly name: 'upgrading'; readonly upgrade: Upgrade }
  /** Under a supervisor: it was asked to replace this process. */
  | { readonly name: 'asking' }
  | { readonly name: 'replaced'; readonly pid: number | null };

/** What may come after what. Whatever else comes, comes too late, and changes nothing. */
const NEXT: { readonly [Name in Life['name']]: readonly Life['name'][] } = {
  starting: ['serving', 'stopping', 'replaced'],
  serving: ['upgrading', 'asking', 'stopping', 'replaced'],
  // A stop leaves it: the upgrade says how it ends.
  upgrading: ['serving', 'stopping', 'replaced'],
  asking: ['serving', 'stopping', 'replaced'],
  replaced: [],
  stopping: [],
};

/** Where this process is in its life as a generation. It changes here and nowhere else. */
export class GenerationLife {
  #now: Life = { name: 'starting' };
  #isReady = false;
  #isSettled = false;

  get state(): GenerationState {
    return this.#now.name === 'asking' ? 'upgrading' : this.#now.name;
  }

  /** Whether it has said that it serves. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Whether no former generation will serve in its place any more. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The upgrade that is under way; of a supervised process there is none here. */
  get upgrade(): Upgrade | null {
    return this.#now.name === 'upgrading' ? this.#now.upgrade : null;
  }

  /** The process of the next generation, once there is one. */
  get successorPid(): number | null {
    return this.#now.name === 'replaced' ? this.#now.pid : (this.upgrade?.pid ?? null);
  }

  /** @throws LastcallError why no upgrade can begin now */
  assertServing(): void {
    const { name } = this.#now;
    if (name !== 'serving') throw refusalOf(name, this.successorPid);
  }

  ready(): void {
    this.#isReady = true;
    if (this.#now.name === 'starting') this.#become({ name: 'serving' });
  }

  settled(): void {
    this.#isSettled = true;
  }

  /** @throws LastcallError why it cannot begin now */
  beginUpgrade(upgrade: Upgrade): void {
    this.assertServing();
    this.#become({ name: 'upgrading', upgrade });
  }

  /** @throws LastcallError why it cannot begin now */
  askSupervisor(): void {
    this.assertServing();
    this.#become({ name: 'asking' });
  }

  /** An upgrade came to nothing. @param isRunning - Whether no stop is under way */
  upgradeFailed(isRunning: boolean): void {
    this.#become({ name: isRunning ? 'serving' : 'stopping' });
  }

  /** @returns false when it is too late for that */
  replacedBy(pid: number | null): boolean {
    return this.#become({ name: 'replaced', pid });
  }

  /** A stop begins. @returns false when it is that of a process that has been replaced */
  stop(): boolean {
    if (this.#now.name === 'replaced') return false;
    if (this.#now.name === 'upgrading') this.#now.upgrade.stop();
    else this.#become({ name: 'stopping' });
    return true;
  }

  #become(next: Life): boolean {
    if (!NEXT[this.#now.name].includes(next.name)) return false;
    this.#now = next;
    return true;
  }
}

function refusalOf(state: Exclude<Life['name'], 'serving'>, pid: number | null): LastcallError {
  switch (state) {
    case 'starting':
      return new LastcallError(
        'LASTCALL_UPGRADE_NOT_READY',
        'this process is not ready itself: call restart.ready() once it serves, then upgrade',
      );
    case 'upgrading':
    case 'asking':
      return new LastcallError(
        'LASTCALL_UPGRADE_IN_PROGRESS',
        `an upgrade is under way${pid === null ? '' : ` (process ${pid})`}; ask again when it has ended`,
      );
    case 'replaced':
      return new LastcallError(
        'LASTCALL_UPGRADE_REPLACED',
        `this process has been replaced${pid === null ? '' : ` by process ${pid}: upgrade that one`}`,
      );
    case 'stopping':
      return new LastcallError(
        'LASTCALL_UPGRADE_STOPPING',
        'this process stops; start the service anew',
      );
  }
}

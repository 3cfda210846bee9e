import type { Entry, Registration } from './registration';
import type { Registry } from './registry';
import type { Stop } from './stop';

/** What registering needs of the lifecycle. */
export interface RegistrarHost {
  /** The stop that is under way or over, or null while the process runs. */
  stop(): Stop | null;
  /** The number of listeners has changed. */
  changed(): void;
}

/** Registers listeners, with their registry or with the stop that is under way, and makes their handles. */
export class Registrar {
  readonly #host: RegistrarHost;

  constructor(host: RegistrarHost) {
    this.#host = host;
  }

  register(registry: Registry, entry: Entry): Registration {
    entry.name = registry.claimName(entry.name);
    const stop = this.#host.stop();
    if (stop === null) registry.add(entry);
    else stop.admit(entry, registry);
    this.#host.changed();
    return this.#toRegistration(entry, registry);
  }

  #toRegistration(entry: Entry, registry: Registry): Registration {
    const remove = (): boolean => {
      if (!registry.remove(entry)) return false;
      registry.releaseName(entry.name);
      this.#host.changed();
      return true;
    };
    return {
      name: entry.name,
      remove,
      called: () => this.#called(entry),
      [Symbol.dispose]: remove,
    };
  }

  #called(entry: Entry): Promise<void> {
    const wait = (): Promise<void> =>
      entry.state === 'over'
        ? Promise.resolve()
        : new Promise((resolve) => {
            entry.waiters ??= [];
            entry.waiters.push(resolve);
          });
    const stop = this.#host.stop();
    return stop === null ? wait() : stop.waitGraph.wait(entry, wait);
  }
}

import type { Activities } from './activities/activities';
import type { DumpOptions, DumpResult } from './dump/dump';
import type { Remover } from './environment';
import type { LifecycleEvents, StateName } from './events';
import type { Health } from './health';
import type { Lifecycle } from './lifecycle';
import type { ProfileResult } from './profile/profile-control';
import type { ProfileOptions } from './profile/profile-options';
import type { Listener, Registration, ShutdownOptions, WrapUpOptions } from './registration';
import type { Report } from './report';
import type { Settings, SetupOptions } from './settings';
import type { LifecycleStatus } from './status';

/** A lifecycle that is made when it is first used: importing the package costs next to nothing. */
export class LazyLifecycle implements Lifecycle {
  readonly #create: () => Lifecycle;
  #lifecycle: Lifecycle | undefined;

  constructor(create: () => Lifecycle) {
    this.#create = create;
  }

  get #made(): Lifecycle {
    return (this.#lifecycle ??= this.#create());
  }

  get settings(): Settings {
    return this.#made.settings;
  }

  get done(): AbortSignal {
    return this.#made.done;
  }

  get state(): StateName {
    return this.#made.state;
  }

  get reason(): string | null {
    return this.#made.reason;
  }

  get events(): LifecycleEvents {
    return this.#made.events;
  }

  get health(): Health {
    return this.#made.health;
  }

  get activities(): Activities {
    return this.#made.activities;
  }

  status(): LifecycleStatus {
    return this.#made.status();
  }

  dump(options?: DumpOptions): Promise<DumpResult> {
    return this.#made.dump(options);
  }

  startProfile(options?: ProfileOptions): Promise<void> {
    return this.#made.startProfile(options);
  }

  stopProfile(): Promise<ProfileResult | null> {
    return this.#made.stopProfile();
  }

  setup(options: SetupOptions): void {
    this.#made.setup(options);
  }

  onWrapUp(listener: Listener, options?: WrapUpOptions): Registration {
    return this.#made.onWrapUp(listener, options);
  }

  onShutdown(listener: Listener, options?: ShutdownOptions): Registration {
    return this.#made.onShutdown(listener, options);
  }

  shutdown(reason?: string): Promise<Report> {
    return this.#made.shutdown(reason);
  }

  hammer(): void {
    this.#made.hammer();
  }

  install(): Remover {
    return this.#made.install();
  }

  uninstall(): void {
    this.#made.uninstall();
  }
}

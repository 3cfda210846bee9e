import type { Socket as DatagramSocket } from 'node:dgram';
import type { ListenOptions as NodeListenOptions, Server } from 'node:net';
import { type Lifecycle, proc, type Signals, signals } from '@lastcall/proc';
import { Generation } from './generation';
import type { UpgradeHooks } from './overlap-hooks';
import { createProcessRestartEnvironment } from './process-restart-environment';
import type { Restart, RestartStatus } from './restart';
import type { Remover, RestartEnvironment } from './restart-environment';
import {
  DEFAULT_SETTINGS,
  type RestartOptions,
  type RestartSettings,
  resolveRestartSettings,
} from './settings';
import type { BindOptions, ListenOptions } from './sockets/listen-options';
import type { BoundSocket } from './sockets/socket-binder';
import type { PlainListenOptions } from './sockets/socket-desk';

/** What a {@link Restart} is made of; tests replace it. */
export interface RestartParts {
  readonly environment?: RestartEnvironment | undefined;
  readonly lifecycle?: Lifecycle | undefined;
  readonly signals?: Signals | undefined;
}

/**
 * Makes a {@link Restart} on a lifecycle of its own. Most programs want {@link restart}, the one of the process.
 *
 * Nothing happens before it is first used.
 */
export function createRestart(parts: RestartParts = {}): Restart {
  return new LazyRestart(parts);
}

class LazyRestart implements Restart {
  readonly #parts: RestartParts;
  #environment: RestartEnvironment | undefined;
  #settings: RestartSettings | undefined;
  #generation: Generation | undefined;

  constructor(parts: RestartParts) {
    this.#parts = parts;
  }

  get settings(): RestartSettings {
    this.#settings ??= resolveRestartSettings(DEFAULT_SETTINGS, {}, this.#env, this.#lifecycle);
    return this.#settings;
  }

  get isUsed(): boolean {
    return this.#generation !== undefined;
  }

  get generation(): number {
    return this.#begun.generation;
  }

  get parentGone(): Promise<void> {
    return this.#begun.parentGone;
  }

  setup(options: RestartOptions): void {
    this.#settings = resolveRestartSettings(
      this.#settings ?? DEFAULT_SETTINGS,
      options,
      this.#env,
      this.#lifecycle,
    );
    this.#begun.applySettings();
  }

  async listen(server: Server, options: ListenOptions): Promise<BoundSocket> {
    return this.#begun.sockets.listen(server, options);
  }

  listenOptions(
    name: string,
    options: PlainListenOptions,
  ): NodeListenOptions & { readonly fd?: number } {
    return this.#begun.sockets.listenOptions(name, options);
  }

  async bind(socket: DatagramSocket, options: BindOptions): Promise<BoundSocket> {
    return this.#begun.sockets.bind(socket, options);
  }

  async ready(): Promise<void> {
    await this.#begun.ready();
  }

  async upgrade(reason = 'call'): Promise<{ readonly pid: number }> {
    return this.#begun.upgrade(reason);
  }

  onUpgrade(hooks: UpgradeHooks): Remover {
    return this.#begun.hooks.add(hooks);
  }

  status(): RestartStatus {
    return this.#begun.status();
  }

  get #lifecycle(): Lifecycle {
    return this.#parts.lifecycle ?? proc;
  }

  get #env(): RestartEnvironment {
    this.#environment ??= this.#parts.environment ?? createProcessRestartEnvironment();
    return this.#environment;
  }

  /** The generation begins with the first use, and not before the settings are known to be good. */
  get #begun(): Generation {
    if (this.#generation !== undefined) return this.#generation;
    void this.settings;
    this.#generation = new Generation({
      environment: this.#env,
      lifecycle: this.#lifecycle,
      signals: this.#parts.signals ?? signals,
      settings: () => this.settings,
    });
    this.#generation.applySettings();
    return this.#generation;
  }
}

import { LastcallError, type Lifecycle } from '@lastcall/proc';
import type { GenerationLife } from './generation-life';
import type { DownMessage } from './handover/handover';
import { keepAlive } from './keep-alive';
import type { ParentLink } from './parent-link';
import type { Remover, RestartEnvironment } from './restart-environment';
import type { NamedSockets } from './sockets/named-sockets';
import type { TellUpgrade } from './tell-upgrade';

/** What a supervised process works with. */
export interface SupervisionParts {
  readonly environment: RestartEnvironment;
  readonly lifecycle: Lifecycle;
  readonly supervisor: ParentLink;
  readonly sockets: NamedSockets;
  readonly life: GenerationLife;
  readonly tell: TellUpgrade;
}

/** This process under a supervisor, which starts and ends generations: does what it is told, and asks for upgrades. */
export class Supervision {
  readonly #parts: SupervisionParts;
  #letEnd: Remover = () => {};
  #paused: Promise<unknown> = Promise.resolve();

  constructor(parts: SupervisionParts) {
    this.#parts = parts;
    const { supervisor } = parts;
    supervisor.onMessage((message) => this.#onMessage(message));
    void supervisor.gone.then(() => this.#onGone());
  }

  /**
   * Asks for this process to be replaced.
   *
   * @throws LastcallError why that cannot be now; and as a rejection `LASTCALL_UPGRADE_REFUSED`
   */
  upgrade(reason: string): Promise<{ readonly pid: number }> {
    const { supervisor, life, lifecycle, tell } = this.#parts;
    life.assertServing();
    if (supervisor.isGone) throw refused('the supervisor is gone');
    const answer = new Promise<{ readonly pid: number }>((resolve, reject) => {
      const remove = supervisor.onMessage((message) => {
        if (message.type === 'replaced' && message.pid !== null) resolve({ pid: message.pid });
        else if (message.type === 'refused') reject(refused(message.message));
        else return;
        remove();
      });
      void supervisor.gone.then(() => reject(refused('the supervisor is gone')));
    });
    life.askSupervisor();
    answer.catch((error: LastcallError) => {
      life.upgradeFailed(lifecycle.state === 'running');
      tell('failed', { reason, error });
    });
    supervisor.send({ type: 'upgrade', reason });
    return answer;
  }

  #onMessage(message: DownMessage): void {
    if (message.type === 'pause') this.#pause(message.names);
    if (message.type === 'resume') this.#resume();
    if (message.type === 'replaced') void this.#onReplaced(message.pid);
  }

  /** The supervisor decides when this process goes on or ends: until then it must not end by itself. */
  #pause(names: readonly string[]): void {
    const { environment, sockets } = this.#parts;
    this.#letEnd();
    this.#letEnd = keepAlive(environment);
    this.#paused = sockets.pause(sockets.namesHere(names));
    void this.#paused.then(() => this.#parts.supervisor.send({ type: 'paused' }));
  }

  #resume(): void {
    this.#parts.sockets.resume();
    this.#letEnd();
  }

  async #onReplaced(pid: number | null): Promise<void> {
    const { life, lifecycle, tell } = this.#parts;
    if (!life.replacedBy(pid)) return;
    tell('done', { reason: 'supervisor', pid });
    // Pausing takes its time. A process that accepts would hold, and answer as one that is not ready.
    await this.#paused;
    void lifecycle.shutdown('upgrade');
    this.#letEnd();
  }

  /** Nobody would say so any more. */
  #onGone(): void {
    if (this.#parts.life.state !== 'replaced') this.#resume();
  }
}

function refused(why: string): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_REFUSED',
    `the supervisor did not replace this process: ${why}`,
  );
}

import { LastcallError, toError } from '@lastcall/proc';
import type { RestartEnvironment } from './restart-environment';

/** The file that names the process in charge. */
export class PidFile {
  readonly #environment: RestartEnvironment;
  readonly #path: () => string | undefined;

  constructor(environment: RestartEnvironment, path: () => string | undefined) {
    this.#environment = environment;
    this.#path = path;
  }

  /**
   * Makes it ours, atomically.
   *
   * @throws LastcallError `LASTCALL_PID_FILE_NOT_WRITTEN`
   */
  write(): void {
    const path = this.#path();
    if (path === undefined) return;
    try {
      this.#environment.replaceFile(path, `${this.#environment.pid}\n`);
    } catch (thrown) {
      const cause = toError(thrown);
      const message = `the pid file ${path} could not be written: ${cause.message}`;
      throw new LastcallError('LASTCALL_PID_FILE_NOT_WRITTEN', message, { cause });
    }
  }

  /** Makes it ours again, when somebody else has written it. */
  reclaim(): void {
    if (!this.#isOurs()) this.write();
  }

  /** Removes it, unless another process has made it its own. */
  remove(): void {
    const path = this.#path();
    if (path !== undefined && this.#isOurs()) this.#environment.remove(path);
  }

  #isOurs(): boolean {
    const path = this.#path();
    return (
      path !== undefined && this.#environment.readText(path)?.trim() === `${this.#environment.pid}`
    );
  }
}

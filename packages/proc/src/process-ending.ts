import { endProcess, endProcessAtOnce, exitOf, selfKill } from './end-process';
import type { Environment, Remover } from './environment';
import { errorReport } from './error-report';
import type { ExitGate } from './exit-gate';
import type { LastcallError } from './lastcall-error';
import type { Report } from './report';
import type { Settings } from './settings';
import { isOk, type StopOutcome } from './stop-outcome';
import { writeReport } from './write-report';

/** What comes after the stop of one lifecycle: its report is written, and the process ends if no other stop is under way. */
export class ProcessEnding {
  readonly #environment: Environment;
  readonly #exitGate: ExitGate;
  readonly #warn: (error: LastcallError) => void;
  /** What the stop came to, once it is over. */
  #report: Report | undefined;
  #heedOutputErrors: Remover = () => {};

  constructor(environment: Environment, exitGate: ExitGate, warn: (error: LastcallError) => void) {
    this.#environment = environment;
    this.#exitGate = exitGate;
    this.#warn = warn;
  }

  /** A stop begins: until its end the process does not end with that of another lifecycle. */
  begin({ exit }: Settings): void {
    this.#heedOutputErrors = this.#environment.ignoreOutputErrors();
    if (exit !== 'none') this.#exitGate.enter();
  }

  /** The report of `outcome`. `exitCode`: somebody has called `process.exit()` with it during the stop. */
  report(
    outcome: StopOutcome,
    warnings: readonly LastcallError[],
    settings: Settings,
    exitCode: number | null,
  ): Report {
    const exit =
      exitCode === null
        ? exitOf(outcome, settings, this.#environment)
        : { signal: null, code: exitCode };
    const told = warnings.map((error) => errorReport(error));
    this.#report = { ...outcome, warnings: told, ok: isOk(outcome), exit };
    return this.#report;
  }

  /** Writes `report` where LASTCALL_REPORT says, and ends the process as it says. */
  end(report: Report, { exit }: Settings): void {
    writeReport(this.#environment, report, this.#warn);
    if (exit === 'none') {
      this.#heedOutputErrors();
      return;
    }
    const code = this.#exitGate.leave(report.ok ? 0 : 1);
    if (report.forced === 'exit') return;
    // Another lifecycle of this process is still at work: the last one out ends it. It has a waitTimeMs of its own; only who
    // asks for the end a second time means all of them.
    if (code === undefined && report.forced !== 'signal') return;
    const worst = report.exit.code === null ? null : Math.max(report.exit.code, code ?? 0);
    void endProcess(this.#environment, { ...report, exit: { ...report.exit, code: worst } });
  }

  /** Ends the process of a stop that is over before this returns; what is on its way to a pipe may be lost. */
  endAtOnce(): void {
    if (this.#report !== undefined) endProcessAtOnce(this.#environment, this.#report);
  }

  /** Ends the process by `signal` before this returns. */
  kill(signal: NodeJS.Signals): void {
    selfKill(this.#environment, signal);
  }
}

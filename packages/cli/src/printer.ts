import { LastcallError, toError } from '@lastcall/proc';
import type { ServingWorker } from '@lastcall/restart/control';
import pc from 'picocolors';
import type { CliEnvironment } from './cli-environment';

type Colors = ReturnType<typeof pc.createColors>;

/** Where a command says things: results on stdout, as text or JSON, all else on stderr. */
export class Printer {
  readonly isJson: boolean;
  /** For what goes to stdout. */
  readonly colors: Colors;
  readonly columns: number;
  readonly #environment: CliEnvironment;
  readonly #errColors: Colors;

  constructor(environment: CliEnvironment, isJson: boolean) {
    this.isJson = isJson;
    this.#environment = environment;
    this.columns = environment.out.columns;
    this.colors = pc.createColors(isColored(environment, environment.out.isTerminal));
    this.#errColors = pc.createColors(isColored(environment, environment.err.isTerminal));
  }

  /** The result: `value` with `--json`, else the text. */
  result(value: unknown, text: () => string): void {
    if (this.isJson) this.#environment.out.write(`${JSON.stringify(value, null, 2)}\n`);
    else this.text(text());
  }

  /** Text that is the same with `--json`. */
  text(text: string): void {
    this.#environment.out.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** What happens meanwhile; nothing with `--json`. */
  progress(line: string): void {
    if (!this.isJson) this.#environment.err.write(`${this.#errColors.dim(line)}\n`);
  }

  warning(line: string): void {
    this.#environment.err.write(`${this.#errColors.yellow('warning:')} ${line}\n`);
  }

  /** Why the command failed. */
  error(thrown: unknown): void {
    const error = toError(thrown);
    const code = error instanceof LastcallError ? error.code : null;
    if (this.isJson) {
      const { serving } = error as { readonly serving?: readonly ServingWorker[] };
      const value = { error: { code, message: error.message, serving } };
      this.#environment.out.write(`${JSON.stringify(value, null, 2)}\n`);
      return;
    }
    const text = code === null ? (error.stack ?? error.message) : error.message;
    this.#environment.err.write(`${this.#errColors.red('lastcall:')} ${text}\n`);
  }
}

/** The customs of the field: no colours but on a terminal, unless asked for (https://no-color.org, https://force-color.org). */
function isColored(environment: CliEnvironment, isTerminal: boolean): boolean {
  if ((environment.env('NO_COLOR') ?? '') !== '') return false;
  const forced = environment.env('FORCE_COLOR');
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal && environment.env('TERM') !== 'dumb';
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '@lastcall/proc';
import type { Program } from '../../../../tools/run-program';
import { within } from '../harness/deadline';
import { runFixture } from './run-fixture';

const DEADLINE_MS = 15_000;

/** How an instance ended. */
export interface InstanceEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What LASTCALL_REPORT got. */
  readonly report: Report;
  /** The requests it has seen, by its own count. */
  readonly served: number;
}

export interface InstanceOptions {
  readonly name: string;
  readonly port: number;
  /** Where the instance keeps its report and its draining file. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One place in the rotation: the process on its port, stopped and started again and again. */
export class Instance {
  readonly #options: InstanceOptions;
  #program: Program | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
  }

  /** Starts the process; resolves when it listens. */
  async start(): Promise<void> {
    const { port, env } = this.#options;
    this.#program = runFixture('service.ts', {
      ...env,
      SERVICE_PORT: String(port),
      LASTCALL_REPORT: this.#reportFile,
    });
    await within(`${this.#name} listening`, this.#program.saw('listening\n'), DEADLINE_MS);
  }

  /** Resolves when the balancer has sent it a request since it was started. */
  async isInRotation(): Promise<void> {
    await within(`a request for ${this.#name}`, this.#running.saw('serving\n'), DEADLINE_MS);
  }

  /** Sends SIGTERM; resolves when the process has ended. */
  async stop(): Promise<InstanceEnd> {
    const { code, signal, out } = await this.#terminate();
    const served = Number(/served (\d+)\n/.exec(out)?.[1]);
    const report = JSON.parse(readFileSync(this.#reportFile, 'utf8')) as Report;
    return { code, signal, served, report };
  }

  /** Sends SIGTERM to an instance that leaves no report; resolves when the process has ended. */
  async stopUnreported(): Promise<void> {
    await this.#terminate();
  }

  /** Ends whatever still runs, for the clean-up of a test. */
  async dispose(): Promise<void> {
    this.#program?.kill('SIGKILL');
    await this.#program?.ended;
  }

  #terminate(): Program['ended'] {
    this.#running.kill('SIGTERM');
    return within(`the end of ${this.#name}`, this.#running.ended, DEADLINE_MS);
  }

  get #running(): Program {
    if (this.#program === undefined) throw new Error(`${this.#name} was not started`);
    return this.#program;
  }

  get #name(): string {
    return `instance ${this.#options.name}`;
  }

  get #reportFile(): string {
    return join(this.#options.folder, `report-${this.#options.name}.json`);
  }
}

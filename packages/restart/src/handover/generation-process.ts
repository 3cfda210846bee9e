import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { LastcallError, toError } from '@lastcall/proc';
import type { Remover, RestartEnvironment } from '../restart-environment';
import { ControlChannel } from './control-channel';
import {
  type Ancestor,
  type DownMessage,
  encodeHandover,
  HANDOVER_VARIABLE,
  HANDOVER_VERSION,
  type SocketRecord,
  type Topology,
  type UpMessage,
} from './handover';

/** A socket to hand over, with a descriptor of it in this process. */
export interface SocketToPass {
  readonly record: SocketRecord;
  readonly fd: number;
}

/** What to start, and what to give it. */
export interface GenerationOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly topology: Topology;
  readonly generation: number;
  readonly ancestors: readonly Ancestor[];
  readonly sockets: readonly SocketToPass[];
  /** TLS ticket keys by socket name, base64. */
  readonly ticketKeys: Readonly<Record<string, string>>;
}

/** How a generation ended. */
export interface GenerationEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const CHANNEL_FD = 3;

/** The process of a new generation, seen by whoever started it. */
export class GenerationProcess {
  readonly pid: number;
  /** Resolves when the process has ended. Never rejects. */
  readonly ended: Promise<GenerationEnd>;
  readonly channel: ControlChannel<UpMessage, DownMessage>;
  /** The process, for what only a supervisor needs: its IPC channel. */
  readonly child: ChildProcess;
  readonly #environment: RestartEnvironment;
  #end: GenerationEnd | null = null;

  constructor(environment: RestartEnvironment, child: ChildProcess) {
    this.#environment = environment;
    this.child = child;
    this.pid = child.pid as number;
    this.channel = new ControlChannel(child.stdio[CHANNEL_FD] as unknown as Duplex);
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#end = { code, signal };
        resolve(this.#end);
      });
    });
  }

  /** How it ended, or null while it lives. */
  get end(): GenerationEnd | null {
    return this.#end;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#end === null) this.child.kill(signal);
  }

  /** Asks the process to end, unless it knows, and makes it end after `killAfterMs`, or at once when `hurry` aborts. */
  async terminate(
    signal: NodeJS.Signals | null,
    killAfterMs: number,
    hurry: AbortSignal,
  ): Promise<GenerationEnd> {
    if (signal !== null) this.kill(signal);
    const force = (): void => this.kill('SIGKILL');
    const cancel: Remover = this.#environment.setTimer(force, killAfterMs);
    if (hurry.aborted) force();
    hurry.addEventListener('abort', force, { once: true });
    const end = await this.ended;
    cancel();
    hurry.removeEventListener('abort', force);
    return end;
  }

  /** Lets this process end although that one lives. */
  release(): void {
    this.child.unref();
  }
}

/**
 * Starts a generation: descriptors 0 to 2 are inherited, 3 is the control channel, then come the sockets.
 *
 * @throws LastcallError `LASTCALL_UPGRADE_SPAWN_FAILED`
 */
export async function startGeneration(
  environment: RestartEnvironment,
  options: GenerationOptions,
): Promise<GenerationProcess> {
  const { command, args, cwd, env, ticketKeys } = options;
  const { stdio, handover } = layOut(environment, options);
  const failed = (thrown: unknown): LastcallError =>
    spawnFailed(command, toError(thrown), environment.stat(cwd)?.isDirectory === true ? null : cwd);
  const child = spawnOrThrow(
    () =>
      environment.spawn(command, args, {
        cwd,
        env: { ...env, [HANDOVER_VARIABLE]: handover },
        stdio,
      }),
    failed,
  );
  await started(child, failed);
  const generation = new GenerationProcess(environment, child);
  generation.channel.send({ type: 'hello', ticketKeys });
  return generation;
}

/** Which descriptor of the new process is what. */
function layOut(
  environment: RestartEnvironment,
  { topology, generation, ancestors, sockets }: GenerationOptions,
): { stdio: SpawnOptions['stdio']; handover: string } {
  const stdio: (number | 'inherit' | 'pipe' | 'ipc')[] = ['inherit', 'inherit', 'inherit', 'pipe'];
  if (topology === 'supervised') stdio.push('ipc');
  const passed = sockets.map(({ record, fd }) => {
    const at = stdio.push(fd) - 1;
    return { ...record, fd: at };
  });
  const handover = encodeHandover({
    version: HANDOVER_VERSION,
    topology,
    generation,
    parentPid: environment.pid,
    channelFd: CHANNEL_FD,
    ancestors,
    sockets: passed,
  });
  return { stdio, handover };
}

function spawnOrThrow(
  spawn: () => ChildProcess,
  failed: (thrown: unknown) => LastcallError,
): ChildProcess {
  try {
    return spawn();
  } catch (thrown) {
    throw failed(thrown);
  }
}

/** A process that could not be started says so by an event. */
function started(child: ChildProcess, failed: (thrown: unknown) => LastcallError): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => {
      // What comes later, such as a signal that cannot be sent, is told by the process's end.
      child.on('error', () => {});
      resolve();
    });
    child.once('error', (error) => reject(failed(error)));
  });
}

/** Of a missing working directory Node says that the program is not there. */
function spawnFailed(command: string, cause: Error, missingCwd: string | null): LastcallError {
  const why =
    missingCwd === null ? cause.message : `the working directory ${missingCwd} is not there`;
  return new LastcallError(
    'LASTCALL_UPGRADE_SPAWN_FAILED',
    `${command} could not be started: ${why}`,
    { cause },
  );
}

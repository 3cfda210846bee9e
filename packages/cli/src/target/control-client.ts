import { connect, type Socket } from 'node:net';
import { LastcallError, type LastcallErrorCode, toError } from '@lastcall/proc';
import type { CommandResults, ControlReply, ControlRequest } from '@lastcall/restart/control';
import { printable, printableLines } from '../printable';
import { fits } from '../shape';
import { RESULT_SHAPES, replyShape } from './reply-shape';

/** A command, without the number that the client gives it. */
export type Command<C extends keyof CommandResults> = Omit<
  Extract<ControlRequest, { command: C }>,
  'id'
>;

export interface AskOptions {
  /** How long the answer may take, in milliseconds; told to the user as the time given. */
  readonly timeoutMs: number;
  readonly progress: (text: string) => void;
}

/**
 * Asks a process over its control socket, on a connection of its own.
 *
 * @returns the result; undefined when the process ended before it had one
 * @throws LastcallError (as a rejection) what the process answered, `LASTCALL_CLI_LATE`, `LASTCALL_CLI_IMPOSSIBLE`
 */
export function askControl<C extends keyof CommandResults>(
  path: string,
  command: Command<C>,
  { timeoutMs, progress }: AskOptions,
): Promise<CommandResults[C] | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => finish(() => reject(late(path, timeoutMs))), timeoutMs);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    socket.once('connect', () => socket.write(`${JSON.stringify({ ...command, id: 1 })}\n`));
    socket.once('error', (error) => finish(() => reject(unreachable(path, error))));
    socket.once('close', () => finish(() => resolve(undefined)));
    readLines(socket, (line) => {
      const reply = parse(line);
      const isKnown = reply?.type !== 'result' || fits(RESULT_SHAPES[command.command], reply.value);
      if (reply === null || !isKnown)
        finish(() => reject(unreachable(path, new Error('it does not answer as lastcall does'))));
      else if (reply.type === 'progress') progress(printable(reply.text));
      else if (reply.type === 'error') finish(() => reject(refused(reply)));
      else finish(() => resolve(reply.value as CommandResults[C]));
    });
  });
}

function parse(line: string): ControlReply | null {
  try {
    const reply: unknown = JSON.parse(line);
    return fits(replyShape, reply) ? (reply as ControlReply) : null;
  } catch {
    return null;
  }
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let parts: string[] = [];
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = chunk.split('\n');
    // A profile is long: it is put together once, at its end.
    parts.push(lines[0] ?? '');
    for (const next of lines.slice(1)) {
      const line = parts.join('');
      parts = [next];
      if (line !== '') onLine(line);
    }
  });
}

function refused({
  code,
  message,
  serving,
}: Extract<ControlReply, { type: 'error' }>): LastcallError {
  const error = new LastcallError(
    (code ?? 'LASTCALL_CLI_IMPOSSIBLE') as LastcallErrorCode,
    printableLines(message),
  );
  return serving === undefined ? error : Object.assign(error, { serving });
}

function unreachable(path: string, thrown: unknown): LastcallError {
  const cause = toError(thrown);
  const message = `the control socket ${path} cannot be used: ${cause.message}`;
  return new LastcallError('LASTCALL_CLI_IMPOSSIBLE', message, { cause });
}

function late(path: string, timeoutMs: number): LastcallError {
  const message = `no result from ${path} within ${timeoutMs / 1000} s (--timeout); what was begun goes on`;
  return new LastcallError('LASTCALL_CLI_LATE', message);
}

import { assertOptionsObject, describe, isDelay } from './check-options';
import { LastcallError } from './lastcall-error';
import type { Entry, Listener, ShutdownOptions } from './registration';
import { STAGES, type Stage } from './stages';

type Call = 'onWrapUp()' | 'onShutdown()';

const ALLOWED: Record<Call, readonly string[]> = {
  'onWrapUp()': ['name', 'leaf'],
  'onShutdown()': ['name', 'stage', 'timeoutMs', 'leaf'],
};

/**
 * Checks what `onWrapUp()` or `onShutdown()` was given and fills in the defaults.
 *
 * @throws LastcallError `LASTCALL_BAD_LISTENER`, `LASTCALL_BAD_OPTION`, `LASTCALL_UNKNOWN_STAGE`
 */
export function parseListener(call: Call, listener: Listener, options: ShutdownOptions): Entry {
  if (typeof listener !== 'function') {
    throw new LastcallError(
      'LASTCALL_BAD_LISTENER',
      `${call} takes a function, got ${describe(listener)}`,
    );
  }
  assertOptionsObject(call, options, ALLOWED[call]);
  const isShutdown = call === 'onShutdown()';
  return {
    listener,
    name: parseName(call, options.name) ?? nameOf(listener),
    phase: isShutdown ? 'shutdown' : 'wrap-up',
    stage: isShutdown ? parseStage(options.stage) : undefined,
    timeoutMs: parseTimeout(options.timeoutMs),
    isLeaf: parseLeaf(call, options.leaf),
    waiters: undefined,
    state: 'waiting',
  };
}

function parseName(call: Call, name: unknown): string | undefined {
  if (name === undefined || (typeof name === 'string' && name !== '')) return name;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'name' of ${call} must be a non-empty string, got ${describe(name)}`,
  );
}

/** A class may have a static member of that name, which is anything. */
function nameOf({ name }: { readonly name: unknown }): string {
  return typeof name === 'string' && name !== '' ? name : 'anonymous';
}

function parseStage(stage: unknown): Stage {
  if (stage === undefined) return 'resources';
  if (STAGES.includes(stage as Stage)) return stage as Stage;
  throw new LastcallError(
    'LASTCALL_UNKNOWN_STAGE',
    `option 'stage' of onShutdown() must be one of ${STAGES.join(', ')}, got ${describe(stage)}`,
  );
}

function parseTimeout(timeoutMs: unknown): number | undefined {
  if (timeoutMs === undefined || (isDelay(timeoutMs) && timeoutMs > 0)) return timeoutMs;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'timeoutMs' of onShutdown() must be a positive number of milliseconds, got ${describe(timeoutMs)}`,
  );
}

function parseLeaf(call: Call, leaf: unknown): boolean {
  if (leaf === undefined || typeof leaf === 'boolean') return leaf === true;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'leaf' of ${call} must be true or false, got ${describe(leaf)}`,
  );
}

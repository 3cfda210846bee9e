import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';

// What tests need of the machine they run on. What is missing is decided on here alone: the tests are skipped, and their names say
// why; with LASTCALL_REQUIRE_SERVICES=1 they fail, unless no installation could help.

/** Something that not every machine has. */
export interface Need {
  readonly isThere: () => boolean;
  /** What is to be read where it is not there. */
  readonly missing: string;
  /** Whether LASTCALL_REQUIRE_SERVICES=1 asks for it: it can be installed. */
  readonly canBeHad: boolean;
}

/** A program on the PATH. */
function program(name: string): Need {
  return {
    isThere: () => succeeds('/bin/sh', '-c', 'command -v "$0"', name),
    missing: `${name} is not installed`,
    canBeHad: true,
  };
}

/** A program that nobody needs in order to work on lastcall. */
export function optional(name: string): Need {
  return { ...program(name), canBeHad: false };
}

export const LINUX: Need = {
  isThere: () => process.platform === 'linux',
  missing: 'only Linux has /proc',
  canBeHad: false,
};

export const ROOT: Need = {
  isThere: () => process.geteuid?.() === 0,
  missing: 'only root may do this',
  canBeHad: false,
};

/** The command line in front of a program that is to run as nobody. */
export const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;

/** A process that root starts as nobody: that user has to be able to read this Node. */
export const NOBODY: Need = {
  isThere: () => succeeds(...AS_NOBODY, process.execPath, '-e', ''),
  missing: 'nobody may not run this Node, or this user may not become nobody',
  canBeHad: false,
};

/** A process 1 of one's own. Its own /proc takes a mount, too. */
export const PID_NAMESPACES: Need = {
  isThere: () => succeeds('unshare', '--pid', '--fork', '--kill-child', 'true'),
  missing: '`unshare --pid` does not work here',
  canBeHad: true,
};

/** A container may forbid them, also to root. */
export const MOUNTS: Need = {
  isThere: () => succeeds('unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()),
  missing: 'mounting is not allowed here',
  canBeHad: false,
};

/** A version of Node that has something. */
export function nodeWith(what: string, isThere: boolean): Need {
  return {
    isThere: () => isThere,
    missing: `Node ${process.version} has no ${what}`,
    canBeHad: false,
  };
}

type ItArguments = [name: string, body: jest.ProvidesCallback, timeout?: number];

/** `it`, without its properties but for `each`. */
export interface It {
  (...test: ItArguments): void;
  readonly each: jest.Each;
}

/** `it` for tests that need all of these: programs by their names, and others. The first one that is missing is the reason. */
export function itWith(needs: readonly (string | Need)[]): It {
  const lack = lackOf(needs);
  if (lack === null) return it;
  const { reason } = lack;
  if (lack.isFailure) return changed(it, (name) => [name, failing(reason)]);
  return changed(it.skip, (name, ...test) => [skipped(name, reason), ...test]);
}

function changed(to: It, change: (...test: ItArguments) => ItArguments): It {
  const each = (table: readonly unknown[]) => {
    const add = to.each(table) as (...test: ItArguments) => void;
    return (...test: ItArguments) => add(...change(...test));
  };
  return Object.assign((...test: ItArguments) => to(...change(...test)), {
    each: each as unknown as jest.Each,
  });
}

/** The same for `describe`. */
export function describeWith(
  needs: readonly (string | Need)[],
): (name: string, body: () => void) => void {
  const lack = lackOf(needs);
  if (lack === null) return describe;
  if (lack.isFailure) return (name) => it(name, failing(lack.reason));
  return (name, body) => describe.skip(skipped(name, lack.reason), body);
}

function lackOf(
  needs: readonly (string | Need)[],
): { readonly reason: string; readonly isFailure: boolean } | null {
  const all = needs.map((need) => (typeof need === 'string' ? program(need) : need));
  const lack = all.find(({ isThere }) => !isThere());
  if (lack === undefined) return null;
  const isRequired = process.env.LASTCALL_REQUIRE_SERVICES === '1';
  return { reason: lack.missing, isFailure: isRequired && lack.canBeHad };
}

function failing(reason: string): () => void {
  return () => {
    throw new Error(`${reason} (LASTCALL_REQUIRE_SERVICES=1 asks for it)`);
  };
}

function skipped(name: string, reason: string): string {
  return `${name} (skipped: ${reason})`;
}

function succeeds(file: string, ...args: readonly string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0;
}

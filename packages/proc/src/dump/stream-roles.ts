import type { ChildProcess } from 'node:child_process';

const STANDARD = ['stdin', 'stdout', 'stderr'];

/** A pipe that is somebody's standard stream. */
export interface StreamRole {
  /** `stdout`, or `stdin of convert` for a child's. */
  readonly name: string;
  /** It can only be written to: that nothing more can be read from it says nothing. */
  readonly isWriteOnly: boolean;
}

/** The standard streams of the children among `handles`: to Node they are sockets like any other. */
export function rolesOfChildren(handles: readonly unknown[]): Map<unknown, StreamRole> {
  const roles = new Map<unknown, StreamRole>();
  for (const handle of handles) if (isChild(handle)) addRoles(handle, roles);
  return roles;
}

/**
 * By its name first: a process without children has not loaded `node:child_process`, which takes a millisecond, and has
 * nothing to be compared with.
 */
function isChild(handle: unknown): handle is ChildProcess {
  try {
    if ((handle as object).constructor.name !== 'ChildProcess') return false;
    const { ChildProcess: Child } =
      require('node:child_process') as typeof import('node:child_process');
    return handle instanceof Child;
  } catch {
    // Among the handles of a process may be anything, also what throws at a look.
    return false;
  }
}

function addRoles(child: ChildProcess, roles: Map<unknown, StreamRole>): void {
  for (const [fd, stream] of (child.stdio ?? []).entries()) {
    const name = `${STANDARD[fd] ?? `fd ${fd}`} of ${child.spawnfile}`;
    if (stream !== null && stream !== undefined) roles.set(stream, { name, isWriteOnly: fd === 0 });
  }
}

/** Whether a stream is a standard stream of this process. `process.stdin` is not asked: it would be opened by that. */
export function ownRole({ fd }: { readonly fd?: number | null }): StreamRole | undefined {
  const name = typeof fd === 'number' ? STANDARD[fd] : undefined;
  return name === undefined ? undefined : { name, isWriteOnly: fd !== 0 };
}

import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A control socket, by its name. */
export interface ControlAddress {
  readonly name: string;
  readonly pid: number;
  readonly role: 'service' | 'supervisor';
  readonly path: string;
}

/** Paths of unix sockets have little room (108 bytes): a name gets at most this much. */
const MAX_NAME = 32;

const ENDINGS = { service: 'sock', supervisor: 'run.sock' } as const;

/** `$LASTCALL_CONTROL_DIR`, else a directory of the user in `$XDG_RUNTIME_DIR` or that for temporary files. */
export function controlDirectory(
  env: (name: string) => string | undefined = (name) => process.env[name],
): string {
  const given = env('LASTCALL_CONTROL_DIR')?.trim();
  if (given !== undefined && given !== '') return given;
  const runtime = env('XDG_RUNTIME_DIR');
  if (runtime !== undefined && runtime !== '') return join(runtime, 'lastcall');
  return join(tmpdir(), `lastcall-${process.getuid?.() ?? 'user'}`, 'control');
}

/** The path of the control socket of a process. */
export function controlPath(
  directory: string,
  name: string,
  pid: number,
  role: ControlAddress['role'],
): string {
  const part = name.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, MAX_NAME) || 'service';
  return join(directory, `${part}.${pid}.${ENDINGS[role]}`);
}

const PATTERN = /^([A-Za-z0-9_-]+)\.(\d+)\.(run\.)?sock$/;

/** The control sockets in a directory, by name; those of processes that have died may be among them. */
export function listControls(directory: string): ControlAddress[] {
  return namesIn(directory).flatMap((file) => {
    const match = PATTERN.exec(file);
    if (match === null) return [];
    const [, name = '', pid, isSupervisor] = match;
    const role = isSupervisor === undefined ? 'service' : 'supervisor';
    return [{ name, pid: Number(pid), role, path: join(directory, file) } as const];
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

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

/**
 * `$LASTCALL_CONTROL_DIR`, else a directory of the user in `$XDG_RUNTIME_DIR` or that for temporary files.
 *
 * @param env - The variables, of this process or another
 * @param uid - Whose they are
 */
export function controlDirectory(
  env: (name: string) => string | undefined = (name) => process.env[name],
  uid: number | undefined = process.getuid?.(),
): string {
  const given = env('LASTCALL_CONTROL_DIR')?.trim();
  if (given !== undefined && given !== '') return given;
  const runtime = env('XDG_RUNTIME_DIR');
  if (runtime !== undefined && runtime !== '') return join(runtime, 'lastcall');
  return join(temporaryDirectory(env), `lastcall-${uid ?? 'user'}`, 'control');
}

/** As `os.tmpdir()` has it in a process with these variables. */
function temporaryDirectory(env: (name: string) => string | undefined): string {
  if (process.platform === 'win32') return tmpdir();
  const given = env('TMPDIR') || env('TMP') || env('TEMP') || '/tmp';
  return given.length > 1 && given.endsWith('/') ? given.slice(0, -1) : given;
}

/** The path of the control socket of a process. */
export function controlPath(
  directory: string,
  name: string,
  pid: number,
  role: ControlAddress['role'],
): string {
  return join(directory, `${controlName(name)}.${pid}.${ENDINGS[role]}`);
}

/** What is left of the name of a service in the path of its control socket: several may have the same. */
export function controlName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, MAX_NAME) || 'service';
}

const PATTERN = /^([A-Za-z0-9_-]+)\.(\d+)\.(run\.)?sock$/;

/**
 * The control sockets in a directory, by name; those of processes that have died may be among them.
 *
 * @throws what the file system throws where there is something that cannot be read
 */
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
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

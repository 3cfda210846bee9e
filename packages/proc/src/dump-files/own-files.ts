import { join } from 'node:path';
import {
  type DumpFileName,
  parseDumpFileName,
  parsePartialName,
  toHostPart,
} from './dump-file-name';
import type { DumpHost } from './dump-host';
import type { DumpLimits } from './dump-limits';

interface OwnFile {
  readonly path: string;
  readonly name: DumpFileName;
  readonly bytes: number;
  readonly modifiedAt: number;
}

const HOUR_MS = 3_600_000;

/**
 * Removes what writers of `service` that died left incomplete. Never throws.
 *
 * A writer needs seconds. What is older than an hour is removed, unless its process still runs on this host.
 */
export function sweepPartialFiles(host: DumpHost, directory: string, service: string): void {
  const here = toHostPart(host.hostname());
  for (const file of listOwnFiles(host, directory, service, parsePartialName)) {
    if (host.wallClock() - file.modifiedAt < HOUR_MS) continue;
    const { pid } = file.name;
    // In a container the number of this process was that of the one before it.
    if (file.name.host === here && pid !== host.pid && host.isAlive(pid)) continue;
    remove(host, file);
  }
}

/**
 * Removes the oldest dump files of `service` in `directory` until the limits hold. Never throws.
 *
 * A file counts as one of ours if its name is of our pattern with this service (of any host: pods that share a volume
 * come and go), and it is a regular file of this user. Others, and the file at `keep`, are never removed.
 */
export function pruneDumpFiles(
  host: DumpHost,
  directory: string,
  service: string,
  limits: DumpLimits,
  keep: string,
): void {
  const files = listOwnFiles(host, directory, service, parseDumpFileName);
  const kept = files.find((file) => file.path === keep);
  const others = files.filter((file) => file !== kept).sort(newestFirst);
  let count = 1;
  let bytes = kept?.bytes ?? 0;
  for (const file of others) {
    count++;
    bytes += file.bytes;
    if (count > limits.maxFiles || bytes > limits.maxTotalBytes) remove(host, file);
  }
}

function newestFirst(a: OwnFile, b: OwnFile): number {
  if (a.name.timestamp !== b.name.timestamp) return a.name.timestamp < b.name.timestamp ? 1 : -1;
  return b.name.copy - a.name.copy;
}

function listOwnFiles(
  host: DumpHost,
  directory: string,
  service: string,
  parse: (text: string) => DumpFileName | undefined,
): OwnFile[] {
  const found: OwnFile[] = [];
  for (const text of entriesOf(host, directory)) {
    const name = parse(text);
    if (name?.service !== service) continue;
    const file = inspect(host, join(directory, text), name);
    if (file !== undefined) found.push(file);
  }
  return found;
}

function entriesOf(host: DumpHost, directory: string): string[] {
  try {
    return host.files.readdirSync(directory);
  } catch {
    // A directory that can be written to need not be readable; then it is not for us to prune.
    return [];
  }
}

function inspect(host: DumpHost, path: string, name: DumpFileName): OwnFile | undefined {
  try {
    const entry = host.files.lstatSync(path);
    if (!entry.isFile() || (host.uid !== undefined && entry.uid !== host.uid)) return undefined;
    return { path, name, bytes: entry.size, modifiedAt: entry.mtimeMs };
  } catch {
    // Another process pruned it.
    return undefined;
  }
}

function remove(host: DumpHost, file: OwnFile): void {
  try {
    host.files.unlinkSync(file.path);
  } catch {
    // Another process was faster, or the directory was made read-only: the new file is there all the same.
  }
}

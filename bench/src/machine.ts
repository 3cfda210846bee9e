import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';

/** The machine and the runtime that a run measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
  readonly v8: string;
  /** How many processes wanted a core in the minute before: more than 0 means that others were at work. */
  readonly busyBefore: number;
}

/** Describes the machine this process runs on. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${distribution()}${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    busyBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

function distribution(): string {
  const text = readIfThere('/etc/os-release');
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1];
  return name === undefined ? '' : `${name}, `;
}

/** How many files a process may have open, connections included. Node raises the soft limit to this one by itself. */
export function openFileLimit(): number {
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(readIfThere('/proc/self/limits'))?.[1];
  return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

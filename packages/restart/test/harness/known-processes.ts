import { readFileSync } from 'node:fs';

/** Processes that a test has seen, told from later ones that get the same pids. */
export class KnownProcesses {
  readonly #starts = new Map<number, string | null>();

  /** Remembers the process that has this pid now. */
  add(pid: number): void {
    if (!this.#starts.has(pid)) this.#starts.set(pid, startOf(pid));
  }

  /** Those that still live. */
  alive(): number[] {
    return [...this.#starts]
      .filter(([pid, start]) => start !== null && startOf(pid) === start)
      .map(([pid]) => pid);
  }

  kill(): void {
    for (const pid of this.alive()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

/** When a process was started; null when it has ended, though its parent may not have noticed. */
export function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : (fields[18] ?? null);
  } catch {
    return null;
  }
}

import type { CliEnvironment } from '../cli-environment';

/** What the system tells of a process. Linux tells it in /proc; elsewhere most is not known. */
export interface ProcessFacts {
  readonly pid: number;
  readonly ppid: number;
  /** Its user; null where it is not told. */
  readonly uid: number | null;
  /** Program first; empty where it is not told. */
  readonly args: readonly string[];
  readonly rssBytes: number | null;
  readonly threads: number | null;
  /** Clock ticks since the boot: tells the process from a later one of the same pid. */
  readonly startedAt: string | null;
  /** The signals it handles; null where it is not told. */
  readonly caught: ReadonlySet<string> | null;
  /** What it does, as the kernel says: `S (sleeping)`, `T (stopped)`, …; empty where it is not told. */
  readonly state: string;
  /** Whether it has ended and nobody has asked how. */
  readonly isZombie: boolean;
}

/** Numbers of the signals that matter here; they are the same on all Linux but MIPS and Alpha. */
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 } as const;

/** What is read of it. */
type FileReader = Pick<CliEnvironment, 'readText'>;

/** Reads /proc; null where it has no such process. */
export function processFacts(environment: FileReader, pid: number): ProcessFacts | null {
  const status = environment.readText(`/proc/${pid}/status`);
  if (status === null) return null;
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
  const number = (name: string): number | null => {
    const text = field(name);
    return text === undefined ? null : Number.parseInt(text, 10);
  };
  const rss = number('VmRSS');
  return {
    pid,
    ppid: number('PPid') ?? 0,
    // The first of them is the real one.
    uid: number('Uid'),
    args: zeroSeparated(environment.readText(`/proc/${pid}/cmdline`)),
    rssBytes: rss === null ? null : rss * 1024,
    threads: number('Threads'),
    startedAt: startTimeOf(environment, pid),
    caught: signalsOf(field('SigCgt')),
    state: field('State') ?? '',
    isZombie: field('State')?.startsWith('Z') ?? false,
  };
}

/** Field 22; the second is the program's name in parentheses, which may contain anything. */
export function startTimeOf(environment: FileReader, pid: number): string | null {
  const stat = environment.readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

/** The variables it was started with; empty where only others may read them. */
export function environmentOf(environment: CliEnvironment, pid: number): Record<string, string> {
  const pairs = zeroSeparated(environment.readText(`/proc/${pid}/environ`));
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const at = pair.indexOf('=');
      return at < 1 ? [] : [[pair.slice(0, at), pair.slice(at + 1)]];
    }),
  );
}

function zeroSeparated(text: string | null): string[] {
  return text === null || text === '' ? [] : text.replace(/\0+$/, '').split('\0');
}

function signalsOf(mask: string | undefined): ReadonlySet<string> | null {
  if (mask === undefined) return null;
  const bits = BigInt(`0x${mask.trim()}`);
  const caught = Object.entries(SIGNAL_NUMBERS).filter(
    ([, number]) => (bits >> BigInt(number - 1)) & 1n,
  );
  return new Set(caught.map(([name]) => name));
}

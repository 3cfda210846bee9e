/** What the client sends by itself, or what carries no work: refusing it would break the client. */
const OWN = new Set([
  'AUTH',
  'CLIENT',
  'HELLO',
  'INFO',
  'PING',
  'QUIT',
  'READONLY',
  'RESET',
  'SELECT',
]);

const BLOCKING = new Set([
  'BLMOVE',
  'BLMPOP',
  'BLPOP',
  'BRPOP',
  'BRPOPLPUSH',
  'BZMPOP',
  'BZPOPMAX',
  'BZPOPMIN',
  'WAIT',
  'WAITAOF',
]);

/** One call: a command, a transaction or pipeline, a task of a pool. */
export class RedisWork {
  /** What it is, in a word: the name of a command, without its arguments. */
  readonly name: string;
  readonly isBlocking: boolean;
  /** How often the client had become ready when it began; undefined when it was ready. */
  readonly notReadySince: number | undefined;

  constructor(name: string, isBlocking: boolean, notReadySince: number | undefined) {
    this.name = name;
    this.isBlocking = isBlocking;
    this.notReadySince = notReadySince;
  }
}

/** The first word of a raw command, upper case. The others may be whole values, and are not looked at. */
export function wordOf(args: unknown): string {
  const first: unknown = Array.isArray(args) ? args[0] : undefined;
  return typeof first === 'string' ? first.toUpperCase() : '';
}

/** Whether a command is the client's own, and no work. */
export function isClientsOwn(command: string): boolean {
  return OWN.has(command);
}

/** Whether the server may keep a command waiting until something comes. */
export function isBlocking(command: string, args: unknown): boolean {
  if (command !== 'XREAD' && command !== 'XREADGROUP') return BLOCKING.has(command);
  return (args as readonly unknown[]).some((arg) => String(arg).toUpperCase() === 'BLOCK');
}

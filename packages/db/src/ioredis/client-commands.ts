import type { RedisCommand } from './ioredis-client';

/** What the client sends by itself when it connects, or to close: it carries no work, and refusing it would break the client. */
const OWN = new Set([
  'asking',
  'auth',
  'client',
  'cluster',
  'command',
  'hello',
  'info',
  'monitor',
  'psubscribe',
  'punsubscribe',
  'quit',
  'readonly',
  'select',
  'ssubscribe',
  'subscribe',
  'sunsubscribe',
  'unsubscribe',
]);

const BLOCKING = new Set([
  'blmove',
  'blmpop',
  'blpop',
  'brpop',
  'brpoplpush',
  'bzmpop',
  'bzpopmax',
  'bzpopmin',
  'wait',
  'waitaof',
]);

/** Whether `command` is the client's own, and no work. */
export function isClientsOwn({ name }: RedisCommand): boolean {
  return OWN.has(name.toLowerCase());
}

/** Whether the server may keep `command` waiting until something comes. */
export function isBlocking({ name, args }: RedisCommand): boolean {
  const lower = name.toLowerCase();
  if (lower !== 'xread' && lower !== 'xreadgroup') return BLOCKING.has(lower);
  return args.some((arg) => typeof arg === 'string' && arg.toLowerCase() === 'block');
}

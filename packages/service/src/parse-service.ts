import { describe, LastcallError } from '@lastcall/proc';
import { nameOf, type Service } from './service';

/** A checked service with the name it has in its group. */
export interface NamedService {
  readonly name: string;
  readonly service: Service;
}

/**
 * Checks that `service` is one, and names it.
 *
 * @param taken - The names that the group has already, each with the highest number that was given to it; the new one is added.
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function parseService(service: unknown, taken: Map<string, number>): NamedService {
  if (!isService(service)) {
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `a service is an object with a function start() or stop() or both, got ${describe(service)}${named(service)}`,
    );
  }
  if (service.name !== undefined && (typeof service.name !== 'string' || service.name === '')) {
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `the name of a service must be a non-empty string, got ${describe(service.name)}`,
    );
  }
  return { name: uniqueName(nameOf(service) ?? 'service', taken), service };
}

/** What tells it apart from others, where it says so. */
function named(value: unknown): string {
  const name = (value as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && name !== '' ? ` named '${name}'` : '';
}

function isService(value: unknown): value is Service {
  if (typeof value !== 'object' || value === null) return false;
  const { start, stop } = value as Service;
  const given = [start, stop].filter((part) => part !== undefined);
  return given.length > 0 && given.every((part) => typeof part === 'function');
}

function uniqueName(name: string, taken: Map<string, number>): string {
  let count = taken.get(name) ?? 0;
  if (count === 0) {
    taken.set(name, 1);
    return name;
  }
  do count += 1;
  while (taken.has(`${name}#${count}`));
  const unique = `${name}#${count}`;
  taken.set(name, count).set(unique, 1);
  return unique;
}

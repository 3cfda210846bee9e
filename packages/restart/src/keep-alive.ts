import type { Remover, RestartEnvironment } from './restart-environment';

/** The longest delay of a Node timer. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Keeps this process from ending because it has nothing to do. @returns what lets it */
export function keepAlive(environment: RestartEnvironment): Remover {
  return environment.setTimer(() => {}, MAX_DELAY_MS);
}

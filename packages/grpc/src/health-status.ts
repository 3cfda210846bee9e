import { describe, LastcallError } from '@lastcall/proc';

/** A `HealthImplementation` of `grpc-health-check`. */
export interface GrpcHealth {
  setStatus(service: string, status: 'NOT_SERVING'): void;
}

/** Throws LastcallError `LASTCALL_BAD_OPTION` unless `health` can set a status. */
export function assertHealth(health: unknown): asserts health is GrpcHealth {
  const isObject = typeof health === 'object' && health !== null;
  if (isObject && typeof Reflect.get(health, 'setStatus') === 'function') return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'health' must be a HealthImplementation of grpc-health-check, got ${describe(health)}`,
  );
}

/**
 * Turns every service NOT_SERVING, and keeps it so whatever the application sets later, as `Shutdown()` of grpc-go's
 * health server does. Returns what lets the application set statuses again.
 */
export function stopServing(health: GrpcHealth): () => void {
  const own = Object.getOwnPropertyDescriptor(health, 'setStatus');
  const { setStatus } = health;
  const set = (service: string): void => setStatus.call(health, service, 'NOT_SERVING');
  for (const service of servicesOf(health)) set(service);
  Object.defineProperty(health, 'setStatus', { configurable: true, writable: true, value: set });
  return () => {
    Reflect.deleteProperty(health, 'setStatus');
    if (own !== undefined) Object.defineProperty(health, 'setStatus', own);
  };
}

/** The services that have a status, and the server as a whole (the empty name). A private field of grpc-health-check 2. */
function servicesOf(health: GrpcHealth): Set<string> {
  const { statusMap } = health as { statusMap?: unknown };
  return new Set(statusMap instanceof Map ? ['', ...statusMap.keys()] : ['']);
}

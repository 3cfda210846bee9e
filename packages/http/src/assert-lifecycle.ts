import { describe, LastcallError, type Lifecycle } from '@lastcall/proc';

/** Throws LastcallError `LASTCALL_BAD_OPTION` unless `lifecycle` is one. */
export function assertLifecycle(call: string, lifecycle: unknown): asserts lifecycle is Lifecycle {
  const { onShutdown, health } = (lifecycle ?? {}) as Partial<Lifecycle>;
  if (typeof onShutdown === 'function' && typeof health?.check === 'function') return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'lifecycle' of ${call} must be a lifecycle, such as proc, got ${describe(lifecycle)}`,
  );
}

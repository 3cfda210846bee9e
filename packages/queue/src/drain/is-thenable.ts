/** Whether `value` can be waited for. By its shape: a promise may come from another realm or library. */
export function isThenable(value: unknown): value is Promise<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as { readonly then?: unknown }).then === 'function';
}

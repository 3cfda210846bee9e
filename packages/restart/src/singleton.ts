/** The one `T` registered under `name` in this process: also two copies of a package share it. */
export function singleton<T>(name: string, create: () => T): T {
  const key = Symbol.for(name);
  const registry = globalThis as unknown as Record<symbol, T | undefined>;
  return (registry[key] ??= create());
}

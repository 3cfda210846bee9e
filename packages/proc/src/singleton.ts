/** The major version of the package: what copies must have in common to share one lifecycle. */
export const MAJOR_VERSION = 0;

/**
 * Returns the one `T` registered under `name` in this process, creating it on first use.
 *
 * Two copies of a package (a duplicate install, or a mixed module graph) share it, because `Symbol.for`
 * is process-wide. The name carries the major version, so copies that do not fit together never meet.
 */
export function singleton<T>(name: string, create: () => T): T {
  const key = Symbol.for(name);
  const registry = globalThis as unknown as Record<symbol, T | undefined>;
  return (registry[key] ??= create());
}

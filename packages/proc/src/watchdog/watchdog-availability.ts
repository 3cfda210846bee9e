import { isMainThread } from 'node:worker_threads';

/** What Node says of its permission model; undefined where it is off. */
interface Permission {
  has(scope: string): boolean;
}

/** Why a watchdog cannot work in this process, or null. */
export function whyUnavailable(): string | null {
  if (!isMainThread) return 'a watchdog watches the main thread of a process; start it there';
  if (!process.features.inspector) return 'this Node was built without the inspector';
  const { permission } = process as unknown as { readonly permission?: Permission };
  // Asked beforehand: without it, connecting to the main thread aborts the process, where workers are allowed.
  if (permission !== undefined && !permission.has('inspector')) {
    return 'under --permission the watchdog needs --allow-worker and --allow-inspector (Node has it from 24 on)';
  }
  return null;
}

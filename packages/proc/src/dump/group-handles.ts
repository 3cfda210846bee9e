import type { HandleGroup, HandleRecord } from './dump-document';

/** Counts handles that are alike: same type and state, and the same port or peer. Most first. */
export function groupHandles(handles: readonly HandleRecord[]): HandleGroup[] {
  const groups = new Map<string, { -readonly [K in keyof HandleGroup]: HandleGroup[K] }>();
  for (const handle of handles) {
    const { type } = handle;
    const state = handle.state ?? null;
    const endpoint = endpointOf(handle);
    const key = `${type}|${state}|${endpoint}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { type, state, endpoint, count: 0, queuedBytes: 0 };
      groups.set(key, group);
    }
    group.count += 1;
    group.queuedBytes += handle.queuedBytes ?? 0;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/** Accepted sockets have the port they came in by in common, others the peer they went to. */
function endpointOf({ local, remote, program }: HandleRecord): string | null {
  return program ?? local ?? (remote === undefined ? null : `to ${remote}`);
}

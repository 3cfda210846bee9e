/** How a heap snapshot names the property with the {@link mark}. */
export const MARKER_EDGE = '<symbol @lastcall/proc.await-sites>';

const mark = Symbol.for('@lastcall/proc.await-sites');

/**
 * What a search puts into the heap to find its way in the snapshot: the promises by their order, and which node
 * is the value true, which older V8 do not name.
 */
export interface SnapshotMarker {
  promises: readonly Promise<unknown>[];
  readonly yes: true;
}

export function createSnapshotMarker(): SnapshotMarker {
  return Object.assign({ [mark]: true }, { promises: [], yes: true } as const);
}

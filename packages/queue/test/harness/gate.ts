/** A promise with the strings to pull: for handlers that wait until the test lets them go. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

const closed = new Set<() => void>();

export function createGate(): Gate {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  closed.add(open);
  return { opened, open };
}

/** Lets go of every handler: behind a test that has failed, a close would wait for it for ever. */
export function openGates(): void {
  for (const open of closed) open();
  closed.clear();
}

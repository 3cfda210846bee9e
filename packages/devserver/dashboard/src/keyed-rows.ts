/** How one row of a list is made and kept up to date. */
export interface RowKind<T> {
  /** Tells rows apart; equal keys are told apart by their order. */
  key(item: T): string;
  create(): HTMLElement;
  update(row: HTMLElement, item: T, previous: T | undefined): void;
}

/**
 * Keeps the children of an element in step with a list. A row stays the same element as long as its key is there, so
 * that selected text, focus and the place scrolled to survive.
 */
export function createKeyedRows<T>(
  parent: HTMLElement,
  kind: RowKind<T>,
): (items: readonly T[]) => void {
  let rows = new Map<string, HTMLElement>();
  return (items) => {
    const next = new Map<string, HTMLElement>();
    items.forEach((item, index) => {
      const key = uniqueKey(next, kind.key(item));
      const row = rows.get(key) ?? kind.create();
      next.set(key, row);
      kind.update(row, item, items[index - 1]);
      if (parent.children[index] !== row) parent.insertBefore(row, parent.children[index] ?? null);
    });
    for (const [key, row] of rows) if (!next.has(key)) row.remove();
    rows = next;
  };
}

function uniqueKey(taken: ReadonlyMap<string, unknown>, key: string): string {
  let unique = key;
  for (let count = 2; taken.has(unique); count += 1) unique = `${key} #${count}`;
  return unique;
}

/** What can be in one {@link LinkedList} at a time: it carries its own links, so that the list allocates nothing. */
export class Link<T> {
  previous: T | undefined = undefined;
  next: T | undefined = undefined;
}

/** A list in the order of the adding. Everything is O(1). */
export class LinkedList<T extends Link<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds `item`, which is in no list, at the end. */
  add(item: T): void {
    item.previous = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size++;
  }

  /** Removes `item`, which is in this list. */
  remove(item: T): void {
    const { previous, next } = item;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    item.previous = undefined;
    item.next = undefined;
    this.#size--;
  }

  /** From the first to the last. The one that is being looked at may be removed. */
  *[Symbol.iterator](): Generator<T> {
    let item = this.#first;
    while (item !== undefined) {
      const { next } = item;
      yield item;
      item = next;
    }
  }
}

import { type AcquireSite, captureAcquireSite } from '../drain/acquire-site';

type Method = (...args: unknown[]) => object;

/** What of Knex's client makes a query or a transaction, on the line of the application that asks for it. */
const MAKERS = ['queryBuilder', 'raw', 'schemaBuilder', 'transaction'] as const;

type Making = Partial<Record<(typeof MAKERS)[number] | 'runner', Method>>;

/**
 * Where queries of Knex come from. A query acquires its connection when it is awaited, and by then its line is not on the
 * stack any more: it is noted when the query is made.
 */
export class QuerySites {
  readonly #client: Making;
  readonly #sites = new WeakMap<object, AcquireSite>();
  readonly #undo: (() => void)[] = [];
  #current: AcquireSite | undefined;

  constructor(client: object) {
    this.#client = client as Making;
    for (const name of MAKERS) this.#noteMade(name);
    this.#wrap('runner', (runner, own, args) => {
      const builder = args[0];
      const made = runner.apply(own, args);
      if (typeof builder === 'object' && builder !== null)
        this.#during(made, 'ensureConnection', this.#sites.get(builder));
      return made;
    });
  }

  /** Where the acquire that is being called comes from; undefined where that is not known. */
  get current(): AcquireSite | undefined {
    return this.#current;
  }

  restore(): void {
    for (const undo of this.#undo) undo();
  }

  #noteMade(name: (typeof MAKERS)[number]): void {
    const sites = this.#sites;
    const wrapper = this.#wrap(name, (make, own, args) => {
      const made = make.apply(own, args);
      const site = captureAcquireSite(wrapper);
      sites.set(made, site);
      if (name === 'transaction') this.#during(made, 'acquireConnection', site);
      return made;
    });
  }

  #wrap(
    name: keyof Making,
    call: (original: Method, own: unknown, args: unknown[]) => object,
  ): Method {
    const client = this.#client;
    const own = Object.getOwnPropertyDescriptor(client, name);
    const original = client[name];
    if (original === undefined) return () => ({});
    const wrapper = function wrapper(this: unknown, ...args: unknown[]): object {
      return call(original, this, args);
    };
    client[name] = wrapper;
    this.#undo.push(() => {
      delete client[name];
      if (own !== undefined) Object.defineProperty(client, name, own);
    });
    return wrapper;
  }

  /** `target[method]` acquires before it first waits. */
  #during(target: object, method: string, site: AcquireSite | undefined): void {
    const original: unknown = Reflect.get(target, method);
    if (site === undefined || typeof original !== 'function') return;
    const located = (...args: unknown[]): unknown => {
      this.#current = site;
      try {
        return original.apply(target, args);
      } finally {
        this.#current = undefined;
      }
    };
    Object.defineProperty(target, method, { value: located, configurable: true, writable: true });
  }
}

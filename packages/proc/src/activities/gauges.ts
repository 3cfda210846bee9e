import type { Remover } from '../environment';

/** A number that goes up and down, as an adapter knows it at the moment it is asked. */
export interface Gauge {
  /** As Prometheus has it: `lastcall_pool_connections`. */
  readonly name: string;
  /** What it is, in a few words. The same for each gauge of a name. */
  readonly help: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly value: number;
}

/** What adapters know in numbers, for metrics. */
export interface Gauges {
  /** Has `source` asked when somebody looks. Costs nothing before. */
  addSource(source: () => Iterable<Gauge>): Remover;
  /** Every gauge as it is now. A source that throws is left out. */
  list(): readonly Gauge[];
}

/** Makes the registry of gauges. */
export function createGauges(): Gauges {
  const sources = new Set<{ readonly list: () => Iterable<Gauge> }>();

  function addSource(list: () => Iterable<Gauge>): Remover {
    const source = { list };
    sources.add(source);
    return () => sources.delete(source);
  }

  function list(): readonly Gauge[] {
    return [...sources].flatMap((source) => {
      try {
        return [...source.list()];
      } catch {
        return [];
      }
    });
  }

  return Object.freeze({ addSource, list });
}

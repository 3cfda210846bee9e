import { gzipSync } from 'node:zlib';
import {
  Label,
  Line,
  Location,
  Mapping,
  Function as PprofFunction,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';

/** A place in the code, lines from 1; 0 where unknown. */
export interface Place {
  readonly functionName: string;
  readonly file: string;
  readonly line: number;
  /** Where the function begins, when `line` is within it. Default `line`. */
  readonly startLine?: number;
}

/** Name and unit of a value. */
export type Kind = readonly [type: string, unit: string];

/** What a profile says of itself. */
export interface ProfileHead {
  /** One per value of a sample. */
  readonly sampleTypes: readonly Kind[];
  /** Which of them tools show first. */
  readonly shownFirst: string;
  readonly periodType: Kind;
  readonly period: number;
  /** When it began, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly comments?: readonly string[];
}

const MAPPING_ID = 1;

/** Builds a profile in the format of pprof: every string, function and location once. */
export class ProfileBuilder {
  readonly #strings = new StringTable();
  readonly #functions: PprofFunction[] = [];
  readonly #locations: Location[] = [];
  readonly #samples: Sample[] = [];
  readonly #functionIds = new Map<string, number>();
  readonly #locationIds = new Map<string, number>();

  /** Adds a sample: its stack, innermost first, and a value per sample type. */
  add(
    stack: readonly Place[],
    values: readonly number[],
    labels: Record<string, string> = {},
  ): void {
    this.#samples.push(
      new Sample({
        locationId: stack.map((place) => this.#location(place)),
        value: values.map(Math.round),
        label: Object.entries(labels).map(
          ([key, str]) => new Label({ key: this.#text(key), str: this.#text(str) }),
        ),
      }),
    );
  }

  /** The profile as pprof reads it: gzipped. */
  encode(head: ProfileHead): Uint8Array {
    const profile = new Profile({
      sampleType: head.sampleTypes.map((kind) => this.#kind(kind)),
      sample: this.#samples,
      mapping: [this.#mapping()],
      location: this.#locations,
      function: this.#functions,
      stringTable: this.#strings,
      timeNanos: BigInt(Math.round(head.startedAt)) * 1_000_000n,
      durationNanos: BigInt(Math.round(head.durationMs * 1e6)),
      periodType: this.#kind(head.periodType),
      period: head.period,
      defaultSampleType: this.#text(head.shownFirst),
      comment: [`node ${process.version}`, ...(head.comments ?? [])].map((line) =>
        this.#text(line),
      ),
    });
    return gzipSync(profile.encode());
  }

  #text(value: string): number {
    return this.#strings.dedup(value);
  }

  #kind([type, unit]: Kind): ValueType {
    return new ValueType({ type: this.#text(type), unit: this.#text(unit) });
  }

  #mapping(): Mapping {
    return new Mapping({
      id: MAPPING_ID,
      filename: this.#text('node'),
      hasFunctions: true,
      hasFilenames: true,
      hasLineNumbers: true,
    });
  }

  #location(place: Place): number {
    const functionId = this.#function(place);
    return idOf(this.#locationIds, `${functionId}:${place.line}`, this.#locations, (id) => {
      const line = new Line({ functionId, line: place.line });
      return new Location({ id, mappingId: MAPPING_ID, line: [line] });
    });
  }

  #function({ functionName, file, line, startLine = line }: Place): number {
    const key = `${file}\0${startLine}\0${functionName}`;
    return idOf(this.#functionIds, key, this.#functions, (id) => {
      const name = this.#text(functionName);
      const filename = this.#text(file);
      return new PprofFunction({ id, name, systemName: name, filename, startLine });
    });
  }
}

/** The id of what is known by `key`, made and appended to `list` when it is new. Ids begin with 1. */
function idOf<T>(
  ids: Map<string, number>,
  key: string,
  list: T[],
  make: (id: number) => T,
): number {
  const known = ids.get(key);
  if (known !== undefined) return known;
  const id = list.length + 1;
  ids.set(key, id);
  list.push(make(id));
  return id;
}

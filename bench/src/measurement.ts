import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine';

const FOLDER = join(__dirname, '..', 'results');

/** What a whole run of one part measured, with where and when. Kept beside the bench; the page is made of them. */
export interface Measurement {
  /** The day, as `2026-11-25`. */
  readonly date: string;
  readonly machine: Machine;
  /** Names and versions of what was compared. */
  readonly versions: Readonly<Record<string, string>>;
  readonly result: unknown;
}

/** Keeps the measurement of the part `name`, in the place of the one before. */
export function keepMeasurement(name: string, measurement: Measurement): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${name}.json`), `${JSON.stringify(measurement, roundNumbers)}\n`);
}

/** The latest measurement of the part `name`; undefined if there is none. */
export function readMeasurement(name: string): Measurement | undefined {
  try {
    return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Measurement;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Six digits say more than any of these numbers is worth. */
function roundNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}

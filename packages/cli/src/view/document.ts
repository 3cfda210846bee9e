import { readFileSync } from 'node:fs';
import { type DumpDocument, LastcallError, type Report, toError } from '@lastcall/proc';
import { printable } from '../printable';
import { describeMisfit, type Shape } from '../shape';
import { dumpShape } from './dump-shape';
import { cpuProfileShape, heapProfileShape, loopProfileShape } from './profile-shape';
import { reportShape } from './report-shape';

/** One node of V8's CPU profile. */
export interface CpuNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber?: number;
  };
  readonly hitCount?: number;
  readonly children?: readonly number[];
}

/** A `.cpuprofile`. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly CpuNode[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

/** One node of V8's sampling heap profile. */
export interface HeapNode {
  readonly callFrame: CpuNode['callFrame'];
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** A `.heapprofile`. */
export interface HeapProfile {
  readonly head: HeapNode;
}

/** How an event loop did; see `LoopProfile` of `@lastcall/proc`. */
export interface LoopProfile {
  readonly startedAt: number;
  readonly durationMs: number;
  readonly delayMs: Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>> | null;
  readonly utilization: number;
  readonly collections: Readonly<
    Record<string, { readonly count: number; readonly totalMs: number; readonly maxMs: number }>
  >;
  readonly memory: Readonly<Record<'start' | 'end', Readonly<Record<string, number>>>>;
}

/** What a file turned out to be. */
export type ViewDocument =
  | { readonly kind: 'report'; readonly value: Report }
  | { readonly kind: 'dump'; readonly value: DumpDocument }
  /** With its text as it was: other viewers get that. */
  | { readonly kind: 'cpu profile'; readonly value: CpuProfile; readonly text: string }
  | { readonly kind: 'heap profile'; readonly value: HeapProfile; readonly text: string }
  | { readonly kind: 'loop profile'; readonly value: LoopProfile }
  /** A dump's text, or what the CLI was told of a blocked process. */
  | { readonly kind: 'text'; readonly value: string };

/**
 * Reads a file that lastcall wrote, and finds out by its content what it is. `-` is standard input.
 *
 * @throws LastcallError `LASTCALL_CLI_NO_FILE`, `LASTCALL_CLI_UNKNOWN_FILE`
 */
export function readDocument(path: string): ViewDocument {
  const text = read(path);
  if (text.startsWith('=== ')) return { kind: 'text', value: text };
  const value = parse(text);
  const kind = value === null ? undefined : kindOf(value);
  const from = path === '-' ? 'standard input' : path;
  if (kind === undefined)
    throw new LastcallError(
      'LASTCALL_CLI_UNKNOWN_FILE',
      `${from} is neither a report (LASTCALL_REPORT), a dump, a .cpuprofile, a .heapprofile nor a loop profile`,
    );
  const misfit = SHAPES[kind](value);
  if (misfit !== null)
    throw new LastcallError(
      'LASTCALL_CLI_UNKNOWN_FILE',
      `${from} looks like a ${kind}, but is damaged: ${printable(describeMisfit(misfit))}`,
    );
  return { kind, value, text } as unknown as ViewDocument;
}

type JsonKind = Exclude<ViewDocument['kind'], 'text'>;

const SHAPES: Readonly<Record<JsonKind, Shape>> = {
  report: reportShape,
  dump: dumpShape,
  'cpu profile': cpuProfileShape,
  'heap profile': heapProfileShape,
  'loop profile': loopProfileShape,
};

function read(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (thrown) {
    const cause = toError(thrown);
    throw new LastcallError('LASTCALL_CLI_NO_FILE', `cannot read ${path}: ${cause.message}`, {
      cause,
    });
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function kindOf(value: Record<string, unknown>): JsonKind | undefined {
  if (typeof value.schema === 'string' && value.schema.startsWith('lastcall.dump/')) return 'dump';
  if (Array.isArray(value.listeners) && Array.isArray(value.phases)) return 'report';
  if (Array.isArray(value.nodes) && 'startTime' in value) return 'cpu profile';
  if (typeof value.head === 'object' && value.head !== null) return 'heap profile';
  if ('collections' in value && 'utilization' in value) return 'loop profile';
  return undefined;
}

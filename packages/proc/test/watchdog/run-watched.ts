import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, type ProgramOptions, runProgram } from '../../../../tools/run-program';
import type { BlockedLoop } from '../../src/watchdog/blocked-loop';

const PREAMBLE = `
  const { writeSync } = require('node:fs');
  const { startWatchdog } = require('./dist/watchdog/start-watchdog.js');
  const { culprits } = require('./test/watchdog/culprits.cjs');
  const dir = process.env.TEST_DIR;
  const say = (text) => writeSync(1, text + '\\n');
  const alive = setInterval(() => {}, 1000);
  const host = {
    onBlocked: (block) => say('blocked ' + JSON.stringify({ ...block, profile: block.profile && block.profile.nodes.length })),
    onFailed: (error) => say('failed ' + error.code + ' ' + error.message),
  };
  const files = { dir, name: 'svc' };
  const later = (fn) => setTimeout(fn, 200);
`;

/** A program under a watchdog, run on what ships (dist). */
export interface Watched extends Program {
  /** The files that the watchdog wrote, in the order of their names. */
  files(): string[];
}

/**
 * Runs JavaScript as a process with `startWatchdog`, `culprits`, a `host` that prints what it is told, `files` for its
 * options and `say(text)` in scope.
 */
export function runWatched(source: string, options: ProgramOptions = {}): Watched {
  const dir = join(mkdtempSync(join(tmpdir(), 'lastcall-watchdog-')), 'dumps');
  const program = runProgram(join(__dirname, '../..'), PREAMBLE + source, {
    ...options,
    env: { TEST_DIR: dir, ...options.env },
  });
  const files = (): string[] => {
    const names = readdirSync(dir).filter((name) => !name.startsWith('.'));
    return names.toSorted().map((name) => join(dir, name));
  };
  return { ...program, files };
}

/** The blocks that a program's host printed. */
export function blocksOf(out: string): BlockedLoop[] {
  return [...out.matchAll(/^blocked (.*)$/gm)].map(([, json]) => JSON.parse(json ?? ''));
}

/** `file:line` of the culprit of that name. */
export function placeOf(culprit: string): string {
  const file = join(__dirname, 'culprits.cjs');
  const lines = readFileSync(file, 'utf8').split('\n');
  return `${file}:${lines.findIndex((line) => line.endsWith(`// ${culprit}`)) + 1}`;
}

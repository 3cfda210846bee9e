import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ClientCounts } from './upgrade-clients';

const ROOT = join(__dirname, '..', '..');
const SCRIPT = join(ROOT, 'packages', 'cli', 'test', 'harness', 'many-upgrades.ts');
const DEADLINE_MS = 6 * 60_000;

const run = promisify(execFile);

/** What many-upgrades.ts is to do; see there. */
export interface ManyUpgrades {
  readonly topology: 'chain' | 'supervised';
  readonly drain: 'lastcall' | 'by-hand';
  readonly upgrades: number;
  readonly requests?: number;
  readonly clients: number;
}

/** What it counted. */
export interface ManyUpgradesResult extends ClientCounts {
  /** How many there were. */
  readonly upgrades: number;
  readonly seconds: number;
}

/** Upgrades a service with sockets of every kind under load, in processes of their own. */
export async function runManyUpgrades(options: ManyUpgrades): Promise<ManyUpgradesResult> {
  const args = ['-r', 'ts-node/register/transpile-only', SCRIPT, JSON.stringify(options)];
  const limits = { cwd: ROOT, timeout: DEADLINE_MS, maxBuffer: 1 << 26 };
  const { stdout } = await run(process.execPath, args, limits);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ManyUpgradesResult;
}

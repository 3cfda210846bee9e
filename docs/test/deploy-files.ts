import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// What the files in docs/deploy say of how the service is started.

const DEPLOY = join(__dirname, '..', 'deploy');
const CLI = join(__dirname, '..', '..', 'packages', 'cli', 'package.json');

export function deployFile(name: string): string {
  return readFileSync(join(DEPLOY, name), 'utf8');
}

/** How a service is started. */
export interface Start {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The values of each key of a systemd unit, in their order. */
export function unitOf(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value = ''] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, [...(values.get(key) ?? []), value]);
  }
  return values;
}

export function startOfUnit(unit: ReadonlyMap<string, readonly string[]>): Start {
  return {
    command: unit.get('ExecStart')?.at(-1)?.split(' ') ?? [],
    cwd: unit.get('WorkingDirectory')?.at(-1) ?? '/',
    env: pairs(unit.get('Environment')?.join(' ') ?? ''),
  };
}

/** The last stage of a Dockerfile; `args` instead of its CMD. */
export function startOfImage(text: string, args?: readonly string[]): Start {
  const stage = text.slice(text.lastIndexOf('\nFROM '));
  const last = (name: string): string | undefined =>
    [...stage.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].at(-1)?.[1];
  return {
    command: [
      ...JSON.parse(last('ENTRYPOINT') ?? '[]'),
      ...(args ?? JSON.parse(last('CMD') ?? '')),
    ],
    cwd: last('WORKDIR') ?? '/',
    env: pairs(last('ENV') ?? ''),
  };
}

interface Probe {
  readonly httpGet: { readonly path: string };
}

/** The one container of a Deployment. */
export interface Container {
  readonly args?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
}

export function containerOf(text: string): Container {
  const { parse } = createRequire(CLI)('yaml') as { parse(text: string): Deployment };
  const [container] = parse(text).spec.template.spec.containers;
  return container;
}

interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly [Container] } };
  };
}

function pairs(text: string): Record<string, string> {
  const entries = text.split(' ').filter((pair) => pair.includes('='));
  return Object.fromEntries(entries.map((pair) => pair.split(/=(.*)/s).slice(0, 2)));
}

import { type Facts, noFacts } from './facts';

/** What a systemd unit says of its service; empty when it starts none. */
export function factsOfUnit(text: string, subject: string): Facts[] {
  const env: Record<string, string> = {};
  let command: readonly string[] | null = null;
  let grace: Facts['grace'] = null;
  let stopSignal: string | null = null;
  for (const [name, value] of settingsOf(text)) {
    if (name === 'Environment') Object.assign(env, variablesOf(value));
    // Nothing takes back what a file before has said.
    if (name === 'ExecStart')
      command = value === '' ? null : wordsOf(value.replace(/^[-@:+!]+/, ''));
    if (name === 'KillSignal') stopSignal = value === '' ? null : value;
    if (name === 'TimeoutStopSec' || (name === 'TimeoutSec' && grace === null))
      grace = timeout(value, name);
  }
  if (command === null) return [];
  return [{ ...noFacts(subject, 'file'), env, command, platform: 'systemd', grace, stopSignal }];
}

/** Names and values in their order; a line that ends with a backslash goes on in the next. */
function settingsOf(text: string): (readonly [string, string])[] {
  const lines = text.replace(/\\\r?\n/g, ' ').split('\n');
  return lines.flatMap((line) => {
    const [, name, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
}

function wordsOf(value: string): string[] {
  const words = value.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g);
  return [...words].map(([, double, single, plain]) => double ?? single ?? plain ?? '');
}

function variablesOf(value: string): Record<string, string> {
  const pairs = value.matchAll(/"([^"=]+)=([^"]*)"|'([^'=]+)=([^']*)'|([^\s"'=]+)=(\S*)/g);
  return Object.fromEntries(
    [...pairs].map(([, a, b, c, d, e, f]) => [a ?? c ?? e ?? '', b ?? d ?? f ?? '']),
  );
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
};

function timeout(value: string, source: string): Facts['grace'] {
  if (value === 'infinity' || value === '0') return null;
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)\s*(ms|sec|s|min|m|h)?/g)];
  if (parts.length === 0) return null;
  const ms = parts.reduce(
    (sum, [, count, unit = 's']) => sum + Number(count) * (UNITS[unit] ?? 0),
    0,
  );
  return { ms, source };
}

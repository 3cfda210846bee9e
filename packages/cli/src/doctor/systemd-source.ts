import { type Facts, noFacts } from './facts';

/** What a systemd unit says of its service; empty when it starts none. */
export function factsOfUnit(text: string, subject: string): Facts[] {
  const env: Record<string, string> = {};
  let command: readonly string[] | null = null;
  let grace: Facts['grace'] = null;
  let stopSignal: string | null = null;
  for (const [, name, value = ''] of text.matchAll(/^\s*(\w+)\s*=\s*(.*?)\s*$/gm)) {
    if (name === 'Environment') Object.assign(env, variablesOf(value));
    if (name === 'ExecStart') command = value.replace(/^[-@:+!]+/, '').split(/\s+/);
    if (name === 'KillSignal') stopSignal = value;
    if (name === 'TimeoutStopSec' || (name === 'TimeoutSec' && grace === null))
      grace = timeout(value, name);
  }
  if (command === null) return [];
  return [{ ...noFacts(subject, 'file'), env, command, platform: 'systemd', grace, stopSignal }];
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

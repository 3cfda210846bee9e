import { parse } from 'yaml';
import { type Facts, noFacts } from './facts';

type Fields = Readonly<Record<string, unknown>>;

/** What a Compose file says of its services. */
export function factsOfCompose(text: string, subject: string): Facts[] {
  const { services } = fields(parse(text));
  return Object.entries(fields(services)).map(([name, service]) =>
    factsOfService(fields(service), `${subject} (${name})`),
  );
}

function factsOfService(service: Fields, subject: string): Facts {
  const grace = milliseconds(service.stop_grace_period);
  const start = service.entrypoint ?? service.command;
  return {
    ...noFacts(subject, 'file'),
    env: environmentOf(service.environment),
    // A string is split into words, not given to a shell.
    command: Array.isArray(start)
      ? start.map(String)
      : typeof start === 'string'
        ? start.split(/\s+/)
        : null,
    platform: 'compose',
    grace: grace === null ? null : { ms: grace, source: 'stop_grace_period' },
    stopSignal: typeof service.stop_signal === 'string' ? service.stop_signal : null,
  };
}

function environmentOf(value: unknown): Record<string, string> {
  if (Array.isArray(value)) {
    return Object.fromEntries(
      value.map((pair) => {
        const [name = '', ...rest] = String(pair).split('=');
        return [name, rest.join('=')];
      }),
    );
  }
  return Object.fromEntries(
    Object.entries(fields(value)).map(([name, text]) => [name, String(text)]),
  );
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `1m30s`, as Compose writes durations. */
function milliseconds(value: unknown): number | null {
  if (value === undefined) return null;
  const parts = [...String(value).matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0) return null;
  return parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

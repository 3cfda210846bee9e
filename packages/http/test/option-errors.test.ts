import { createServer } from 'node:http';
import { LastcallError } from '@lastcall/proc';
import { attachHttp } from '../src/attach-http';
import { healthHandler } from '../src/health-handler';
import { createHttpDrain } from '../src/http-drain';

const MILLISECONDS = 'a number of milliseconds from 0 to 2147483647';
const PATH = "a path that begins with '/' and has no query";

/** Of each option: what it must be, and what it must not. */
const OPTIONS: Record<string, [allowed: string, ...bad: unknown[]]> = {
  name: ['a non-empty string', '', 5, null],
  probe: ['true, false or a non-empty string', '', 5, null],
  lifecycle: ['a lifecycle, such as proc', {}, 'proc', null],
  lingerMs: [MILLISECONDS, -1, Number.NaN, 2 ** 31, '1s', null],
  rejectWith503: ['a boolean', 1, 'yes', null],
  onUpgradeDrain: ['a function', true, {}, null],
  readTimeoutMs: [MILLISECONDS, -1, Number.NaN, 2 ** 31, '1s', null],
  writeTimeoutMs: [MILLISECONDS, -1, Number.NaN, 2 ** 31, '1s', null],
  maxHeaderBytes: ['a whole number from 1 to 4294967295', 0, 1.5, 2 ** 32, '1k', null],
  livePath: [PATH, '', 'livez', '/livez?verbose', '/livez#top', 5, null],
  readyPath: [PATH, '', 'readyz', '/readyz?verbose', '/readyz#top', 5, null],
};

const CALLS: Record<string, [call: (options: object) => unknown, ...options: string[]]> = {
  'attachHttp()': [
    (options) => attachHttp(createServer(), options),
    ...['name', 'probe', 'lifecycle', 'lingerMs', 'rejectWith503', 'onUpgradeDrain'],
    ...['readTimeoutMs', 'writeTimeoutMs', 'maxHeaderBytes'],
  ],
  'createHttpDrain()': [
    (options) => createHttpDrain(createServer(), options),
    ...['lingerMs', 'rejectWith503', 'onUpgradeDrain'],
  ],
  'stop()': [
    (options) => {
      const { signal } = new AbortController();
      return createHttpDrain(createServer()).stop({ signal, ...options });
    },
    'lingerMs',
  ],
  'healthHandler()': [healthHandler, 'livePath', 'readyPath', 'lifecycle'],
};

describe.each(Object.entries(CALLS))('a bad option of %s', (name, [call, ...options]) => {
  const cases = options.flatMap((option) => {
    const [allowed = '', ...bad] = OPTIONS[option] ?? [];
    return bad.map((value) => ({ option, allowed: String(allowed), value }));
  });

  it.each(cases)('is told: $option of $value', ({ option, allowed, value }) => {
    const message = `option '${option}' of ${name} must be ${allowed}, got `;
    expect(() => call({ [option]: value })).toThrow(LastcallError);
    expect(() => call({ [option]: value })).toThrow(message);
  });
});

describe('a bad option of healthHandler()', () => {
  it('is one path for both answers', () => {
    expect(() => healthHandler({ livePath: '/readyz' })).toThrow(
      "option 'livePath' of healthHandler() must be another path than 'readyPath', got '/readyz'",
    );
  });
});

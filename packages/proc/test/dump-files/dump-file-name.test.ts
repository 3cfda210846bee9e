import {
  formatDumpFileName,
  parseDumpFileName,
  parsePartialName,
  partialName,
  toExtensionPart,
  toHostPart,
  toKindPart,
  toServicePart,
  toTimestamp,
} from '../../src/dump-files/dump-file-name';

const name = {
  service: 'orders-api',
  host: 'orders_7f9c',
  pid: 1,
  kind: 'cpu',
  timestamp: '20261120T101502123Z',
  copy: 1,
  extension: 'cpuprofile',
};

describe('formatDumpFileName()', () => {
  it('says whose file it is, what it holds and when it was taken', () => {
    expect(formatDumpFileName(name)).toBe(
      'orders-api-orders_7f9c-1-cpu-20261120T101502123Z.cpuprofile',
    );
    expect(formatDumpFileName({ ...name, copy: 2 })).toBe(
      'orders-api-orders_7f9c-1-cpu-20261120T101502123Z-2.cpuprofile',
    );
  });

  it.each([
    name,
    { ...name, copy: 17 },
    { ...name, service: 'api', host: 'gateway' },
    { ...name, service: 'a-1', host: '1', pid: 5 },
    { ...name, service: 'a', host: '1-1'.replace('-', '_') },
    { ...name, service: 'x-20261120T101502123Z', kind: 'heap_2', extension: 'json' },
  ])('can be read back: %j', (parts) => {
    expect(parseDumpFileName(formatDumpFileName(parts))).toEqual(parts);
    expect(parsePartialName(partialName(formatDumpFileName(parts)))).toEqual(parts);
  });
});

describe('parseDumpFileName()', () => {
  it.each([
    'orders-api.log',
    'orders-api-h-1-cpu-20261120.cpuprofile',
    'orders-api-h-x-cpu-20261120T101502123Z.cpuprofile',
    'orders-api-h-1-cpu-20261120T101502123Z',
    'orders-api-h-1-cpu-20261120T101502123Z.cpuprofile~',
    '.orders-api-h-1-cpu-20261120T101502123Z.cpuprofile',
    '.orders-api-h-1-cpu-20261120T101502123Z.cpuprofile.0123abcd.tmp',
    '../orders-api-h-1-cpu-20261120T101502123Z.cpuprofile',
  ])('knows no other name: %s', (text) => {
    expect(parseDumpFileName(text)).toBeUndefined();
  });
});

describe('the parts of a name', () => {
  it('hold nothing but letters, digits, dots, dashes and underscores', () => {
    expect(toServicePart('@acme/orders-api')).toBe('acme_orders-api');
    expect(toServicePart('../../etc/passwd')).toBe('etc_passwd');
    expect(toServicePart('--rf *')).toBe('rf_');
    expect(toServicePart('a\u0000b\n')).toBe('a_b_');
    expect(toServicePart('日本')).toBe('service');
    expect(toServicePart('')).toBe('service');
    expect(toServicePart('x'.repeat(1000))).toHaveLength(64);
    expect(toHostPart('orders-7f9c.local')).toBe('orders_7f9c.local');
    expect(toHostPart('')).toBe('host');
    expect(toKindPart('2-blocked-loop')).toBe('blocked_loop');
    expect(toKindPart('/')).toBe('dump');
    expect(toExtensionPart('.json')).toBe('json');
    expect(toExtensionPart('/')).toBe('txt');
  });

  it('make a name that any file system takes, however long they were', () => {
    const longest = formatDumpFileName({
      service: toServicePart('x'.repeat(1000)),
      host: toHostPart('x'.repeat(1000)),
      pid: 4194304,
      kind: toKindPart('x'.repeat(1000)),
      timestamp: toTimestamp(0),
      copy: 999,
      extension: 'cpuprofile',
    });
    expect(Buffer.byteLength(partialName(longest))).toBeLessThan(255);
  });

  it('give the time in UTC, so that names sort by it', () => {
    expect(toTimestamp(Date.UTC(2026, 10, 20, 10, 15, 2, 123))).toBe('20261120T101502123Z');
  });
});

import { LastcallError } from '@lastcall/proc';
import { type DevserverOptions, resolveOptions } from '../src/devserver-options';

const TOKEN = '0123456789abcdef0123456789abcdef';

const codeOf = (options: unknown, env: NodeJS.ProcessEnv = {}): string => {
  try {
    resolveOptions(options as DevserverOptions, env);
    return 'none';
  } catch (error) {
    return error instanceof LastcallError ? error.code : String(error);
  }
};

describe('options of startDevserver()', () => {
  it('listens on 127.0.0.1:6060 unless told otherwise', () => {
    expect(resolveOptions({}, {}).target).toEqual({ host: '127.0.0.1', port: 6060 });
    expect(resolveOptions({ host: 'localhost', port: 1 }, {}).target).toEqual({
      host: '127.0.0.1',
      port: 1,
    });
    expect(resolveOptions({ path: '/x' }, {}).target).toEqual({ path: '/x' });
  });

  it('lets the environment win', () => {
    const env = { LASTCALL_DEVSERVER_HOST: '::1', LASTCALL_DEVSERVER_PORT: '7' };
    expect(resolveOptions({ host: '127.0.0.2', port: 1, path: '/x' }, env).target).toEqual({
      host: '::1',
      port: 7,
    });
    expect(resolveOptions({}, { LASTCALL_DEVSERVER_PATH: '/y' }).target).toEqual({ path: '/y' });
    expect(codeOf({}, { LASTCALL_DEVSERVER_PORT: '70000' })).toBe('LASTCALL_BAD_ENVIRONMENT');
    expect(codeOf({}, { LASTCALL_DEVSERVER_PORT: 'http' })).toBe('LASTCALL_BAD_ENVIRONMENT');
  });

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    'example.com',
    '127.0.0.1.example.com',
    '127.1',
    '::ffff:127.0.0.1',
  ])('needs a token on %s', (host) => {
    expect(codeOf({ host })).toBe('LASTCALL_DEVSERVER_TOKEN_NEEDED');
    expect(codeOf({ host, token: TOKEN })).toBe('none');
    expect(codeOf({ host }, { LASTCALL_DEVSERVER_TOKEN: TOKEN })).toBe('none');
  });

  it.each(['127.0.0.1', '127.0.0.2', '::1', 'localhost'])('needs none on %s', (host) => {
    expect(codeOf({ host })).toBe('none');
  });

  it.each([
    [{ port: -1 }],
    [{ port: 65_536 }],
    [{ port: '6060' }],
    [{ port: 1.5 }],
    [{ host: '' }],
    [{ path: 7 }],
    [{ token: 'short' }],
    [{ token: 'with spaces in it, which no header may have' }],
    [{ allowedHosts: 'debug.example' }],
    [{ liveLimitMs: -1 }],
    [{ metrics: {} }],
    [{ metrics: null }],
    [{ lifecycle: {} }],
    [{ lifecycle: null }],
    [{ lifecycle: { onShutdown() {} } }],
    [{ prot: 6060 }],
    [null],
    [[]],
  ])('refuses %j', (options) => {
    expect(codeOf(options)).toBe('LASTCALL_BAD_OPTION');
  });

  it('never tells the token in an error', () => {
    expect(() => resolveOptions({ token: 'hunter2' }, {})).toThrow(/got something else$/);
  });
});

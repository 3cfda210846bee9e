import { createTestLifecycle } from '@lastcall/proc/testing';
import { createRestart, type Restart, type RestartOptions } from '../src';
import { createProcessRestartEnvironment } from '../src/process-restart-environment';

function restartWith(env: Record<string, string> = {}): Restart {
  const { lifecycle, signals } = createTestLifecycle();
  const environment = {
    ...createProcessRestartEnvironment(),
    env: (name: string) => env[name],
    unsetEnv: (name: string) => void delete env[name],
  };
  return createRestart({ environment, lifecycle, signals });
}

const DEFAULTS = {
  readyTimeoutMs: 60_000,
  bakeMs: 3000,
  pidFile: undefined,
  check: undefined,
  maxGenerations: 8,
  upgradeSignal: 'SIGHUP',
  upgradeOnTerminal: false,
  command: undefined,
  notify: 'auto',
};

describe('restart.setup()', () => {
  it('has defaults, and only the fields given change', () => {
    const restart = restartWith();
    expect(restart.settings).toEqual(DEFAULTS);
    restart.setup({ bakeMs: 10 });
    restart.setup({ pidFile: '/run/x.pid', bakeMs: undefined });
    expect(restart.settings).toEqual({ ...DEFAULTS, bakeMs: 10, pidFile: '/run/x.pid' });
  });

  it('lets the environment win', () => {
    const restart = restartWith({
      LASTCALL_READY_TIMEOUT_MS: '5000',
      LASTCALL_BAKE_MS: '0',
      LASTCALL_PID_FILE: '/run/env.pid',
      LASTCALL_CHECK: 'node --check app.js',
      LASTCALL_MAX_GENERATIONS: '3',
      LASTCALL_UPGRADE_SIGNAL: 'none',
      LASTCALL_UPGRADE_ON_TERMINAL: 'true',
      LASTCALL_NOTIFY: 'off',
    });
    restart.setup({ bakeMs: 7, pidFile: '/run/code.pid', notify: () => {} });
    expect(restart.settings).toEqual({
      readyTimeoutMs: 5000,
      bakeMs: 0,
      pidFile: '/run/env.pid',
      check: 'node --check app.js',
      maxGenerations: 3,
      upgradeSignal: 'none',
      upgradeOnTerminal: true,
      command: undefined,
      notify: 'off',
    });
  });

  it.each<[string, unknown]>([
    ['an unknown option', { bakeTimeMs: 1 }],
    ['no object', 7],
    ['readyTimeoutMs', { readyTimeoutMs: 0 }],
    ['bakeMs', { bakeMs: -1 }],
    ['pidFile', { pidFile: '' }],
    ['check', { check: [] }],
    ['maxGenerations', { maxGenerations: 1 }],
    ['upgradeSignal', { upgradeSignal: 'SIGKILL' }],
    ['upgradeSignal', { upgradeSignal: 'SIGNONE' }],
    ['upgradeSignal of another use', { upgradeSignal: 'SIGTERM' }],
    ['upgradeOnTerminal', { upgradeOnTerminal: 'yes' }],
    ['command', { command: { file: 'node' } }],
    ['notify', { notify: 'maybe' }],
  ])('refuses %s, and keeps the former settings', (_, options) => {
    const restart = restartWith();
    restart.setup({ bakeMs: 10 });
    expect(() => restart.setup(options as RestartOptions)).toThrow(
      expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' }),
    );
    expect(restart.settings).toEqual({ ...DEFAULTS, bakeMs: 10 });
  });

  it('refuses a bad environment at the first use', async () => {
    const restart = restartWith({ LASTCALL_BAKE_MS: 'soon' });
    await expect(restart.ready()).rejects.toMatchObject({ code: 'LASTCALL_BAD_ENVIRONMENT' });
  });
});

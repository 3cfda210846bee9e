import { LastcallError } from '../src';
import { SignalChannel } from '../src/signals/signal-channel';
import { CATCHABLE_SIGNALS } from '../src/signals/signal-names';
import { createTestLifecycle } from '../src/testing';

const make = () => {
  const test = createTestLifecycle();
  const handlers = (name: NodeJS.Signals) => test.environment.signalHandlerCount(name);
  return { ...test, handlers, ended: () => test.environment.end };
};

// Counterparts of Go's os/signal tests and rules.
describe('signals.notify()', () => {
  it('gives each target a copy, and adds up for the same target', () => {
    const { signals, kill } = make();
    const a: string[] = [];
    const b = signals.channel(5);
    const target = (name: string): void => void a.push(name);
    signals.notify(target, 'SIGHUP');
    signals.notify(target, 'SIGUSR1');
    signals.notify(b, 'SIGHUP');
    kill('SIGHUP');
    kill('SIGUSR1');
    expect(a).toEqual(['SIGHUP', 'SIGUSR1']);
    expect([b.tryReceive(), b.tryReceive()]).toEqual(['SIGHUP', undefined]);
  });

  it('means all signals that can be caught when it names none', () => {
    const { signals, handlers } = make();
    const remove = signals.notify(() => {});
    expect(handlers('SIGTERM') + handlers('SIGWINCH') + handlers('SIGCHLD')).toBe(3);
    for (const name of ['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGPROF'] as const)
      expect(handlers(name)).toBe(0);
    remove();
    expect(CATCHABLE_SIGNALS.filter((name) => handlers(name) > 0)).toEqual(['SIGUSR1', 'SIGUSR2']);
  });

  it('installs one handler per signal, however many targets there are', () => {
    const { signals, handlers, lifecycle } = make();
    lifecycle.install();
    const removers = [1, 2, 3].map(() => signals.notify(() => {}, 'SIGTERM'));
    expect(handlers('SIGTERM')).toBe(1);
    for (const remove of removers) remove();
    lifecycle.uninstall();
    expect(handlers('SIGTERM')).toBe(0);
  });

  it('reports a target that throws and calls the others', () => {
    const { signals, kill, environment } = make();
    const got: string[] = [];
    signals.notify(() => {
      throw new Error('broken');
    }, 'SIGHUP');
    signals.notify(() => Promise.reject(new Error('broken later')) as never, 'SIGHUP');
    signals.notify((name) => void got.push(name), 'SIGHUP');
    kill('SIGHUP');
    expect(got).toEqual(['SIGHUP']);
    expect(environment.warnings).toMatchObject([{ code: 'LASTCALL_SIGNAL_HOOK_FAILED' }]);
  });
});

describe('signals.stop()', () => {
  it('ends what a target gets, and gives the default disposition back', () => {
    const { signals, kill, ended } = make();
    const channel = signals.channel(1);
    signals.notify(channel, 'SIGHUP', 'SIGTERM');
    signals.stop(channel);
    signals.stop(signals.channel(1));
    kill('SIGHUP');
    expect(channel.length).toBe(0);
    expect(ended()).toEqual({ signal: 'SIGHUP', code: null });
  });

  it('keeps a handler for SIGUSR1 and SIGUSR2, which would kill without one', () => {
    const { signals, kill, ended } = make();
    const channel = signals.channel(1);
    signals.notify(channel, 'SIGUSR1', 'SIGUSR2');
    signals.stop(channel);
    signals.reset();
    kill('SIGUSR1');
    kill('SIGUSR2');
    expect([channel.length, ended()]).toEqual([0, null]);
  });
});

describe('signals.ignore() and reset()', () => {
  it('discards a signal until reset, for lifecycles too', () => {
    const { signals, kill, lifecycle, ended } = make();
    lifecycle.install();
    signals.ignore('SIGINT');
    expect([signals.ignored('SIGINT'), signals.ignored('SIGTERM')]).toEqual([true, false]);
    kill('SIGINT');
    expect(lifecycle.state).toBe('running');
    signals.reset('SIGINT');
    expect(signals.ignored('SIGINT')).toBe(false);
    kill('SIGINT');
    expect([lifecycle.state, ended()]).toEqual(['wrapping-up', null]);
  });

  it('drops the targets', () => {
    const { signals, kill, ended } = make();
    const got: string[] = [];
    signals.notify((name) => void got.push(name), 'SIGHUP', 'SIGQUIT');
    signals.ignore('SIGHUP');
    signals.reset('SIGHUP');
    signals.reset('SIGQUIT');
    kill('SIGQUIT');
    expect([got, ended()]).toEqual([[], { signal: 'SIGQUIT', code: null }]);
  });

  it('ends ignoring when somebody asks to be notified', () => {
    const { signals, kill } = make();
    const channel = signals.channel(1);
    signals.ignore('SIGHUP');
    signals.notify(channel, 'SIGHUP');
    kill('SIGHUP');
    expect([signals.ignored('SIGHUP'), channel.length]).toEqual([false, 1]);
  });
});

describe('signals.notifyContext()', () => {
  it('aborts with a reason that names the signal, and swallows more until stop()', () => {
    const { signals, kill, ended } = make();
    const context = signals.notifyContext('SIGTERM', 'SIGINT');
    expect(context.aborted).toBe(false);
    kill('SIGINT');
    expect(context.aborted).toBe(true);
    expect(context.reason).toMatchObject({
      code: 'LASTCALL_SIGNAL_RECEIVED',
      message: 'SIGINT signal received',
      signal: 'SIGINT',
    });
    kill('SIGTERM');
    expect(ended()).toBeNull();
    context.stop();
    context.stop();
    kill('SIGTERM');
    expect(ended()).toEqual({ signal: 'SIGTERM', code: null });
  });

  it('aborts with its parent, and stops relaying then', () => {
    const { signals, handlers } = make();
    const parent = new AbortController();
    const { signal } = signals.notifyContext(parent.signal, 'SIGTERM');
    parent.abort('over');
    expect([signal.reason, handlers('SIGTERM')]).toEqual(['over', 0]);
    expect(signals.notifyContext(AbortSignal.abort('early'), 'SIGTERM').reason).toBe('early');
    expect(handlers('SIGTERM')).toBe(0);
  });

  it('aborts by stop()', () => {
    const { signals, handlers } = make();
    const { signal, stop } = signals.notifyContext(null, 'SIGTERM');
    stop();
    expect([signal.aborted, handlers('SIGTERM')]).toEqual([true, 0]);
  });
});

describe('hooks', () => {
  it('run before and after the action', () => {
    const { signals, kill, lifecycle } = make();
    const log: string[] = [];
    lifecycle.install();
    lifecycle.events.on('signal', ({ signal }) => void log.push(`action ${signal}`));
    const removeBefore = signals.before(
      'SIGTERM',
      () => void log.push(`before ${lifecycle.state}`),
    );
    signals.after('SIGTERM', () => void log.push(`after ${lifecycle.state}`));
    kill('SIGTERM');
    expect(log).toEqual(['before running', 'action SIGTERM', 'after wrapping-up']);
    removeBefore();
  });

  it('alone leave the default disposition in force', () => {
    const { signals, kill, ended } = make();
    const log: string[] = [];
    signals.before('SIGHUP', () => void log.push('before'));
    signals.after('SIGHUP', () => void log.push('after'));
    kill('SIGHUP');
    expect([log, ended()]).toEqual([['before', 'after'], { signal: 'SIGHUP', code: null }]);
  });
});

describe('a signal channel', () => {
  it('drops what does not fit', () => {
    const channel = new SignalChannel(2);
    expect([channel.push('SIGHUP'), channel.push('SIGHUP'), channel.push('SIGHUP')]).toEqual([
      true,
      true,
      false,
    ]);
    expect([channel.length, channel.capacity]).toEqual([2, 2]);
  });

  it('is an async iterable that ends when closed', async () => {
    const channel = new SignalChannel(2);
    const seen: string[] = [];
    const loop = (async () => {
      for await (const name of channel) seen.push(name);
    })();
    channel.push('SIGHUP');
    channel.push('SIGTERM');
    await Promise.resolve();
    channel.close();
    await loop;
    expect(seen).toEqual(['SIGHUP', 'SIGTERM']);
    expect([channel.push('SIGHUP'), channel.isClosed, await channel.receive()]).toEqual([
      false,
      true,
      undefined,
    ]);
  });
});

describe('bad input', () => {
  const { signals } = make();
  it.each([
    [
      'an unknown signal',
      () => signals.notify(() => {}, 'SIGFOO' as never),
      'LASTCALL_UNKNOWN_SIGNAL',
    ],
    ['a number', () => signals.notify(() => {}, 15 as never), 'LASTCALL_UNKNOWN_SIGNAL'],
    ['SIGKILL', () => signals.notify(() => {}, 'SIGKILL'), 'LASTCALL_UNCATCHABLE_SIGNAL'],
    ['SIGSTOP', () => signals.ignore('SIGSTOP'), 'LASTCALL_UNCATCHABLE_SIGNAL'],
    ['SIGSEGV', () => signals.before('SIGSEGV', () => {}), 'LASTCALL_UNCATCHABLE_SIGNAL'],
    ['a property of objects', () => signals.reset('toString' as never), 'LASTCALL_UNKNOWN_SIGNAL'],
    ['no target', () => signals.notify(undefined as never, 'SIGHUP'), 'LASTCALL_BAD_LISTENER'],
    ['a target that is neither', () => signals.stop({} as never), 'LASTCALL_BAD_LISTENER'],
    [
      'a hook that is no function',
      () => signals.after('SIGHUP', 'x' as never),
      'LASTCALL_BAD_LISTENER',
    ],
    ['a channel without room', () => signals.channel(0), 'LASTCALL_BAD_OPTION'],
    ['a channel with half a place', () => signals.channel(1.5), 'LASTCALL_BAD_OPTION'],
  ])('%s gets a coded error at the call', (_, call, code) => {
    expect(call).toThrow(LastcallError);
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

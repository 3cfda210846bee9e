import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '@lastcall/proc';
import { type Program, runProgram } from '../run-program';
import { TcpProxy } from '../tcp-proxy';
import { describePostgres } from './describe-postgres';

const TIMES = {
  LASTCALL_WRAP_UP_TIME_MS: '10',
  LASTCALL_HAMMER_TIME_MS: '400',
  LASTCALL_WAIT_TIME_MS: '5000',
};

describePostgres('a process with a pg pool', (postgres) => {
  /** Runs `source` with `pool` attached, in a process that `env` may change. */
  function start(
    source: string,
    env: Record<string, string> = {},
    url: string = postgres().url,
  ): { program: Program; report: () => Report } {
    const file = join(mkdtempSync(join(tmpdir(), 'lastcall-')), 'report.json');
    const program = runProgram(
      `
      const { Pool } = require('pg');
      const { attachPg } = require('@lastcall/db/pg');
      const pool = new Pool({ connectionString: ${JSON.stringify(url)}, application_name: ${JSON.stringify(postgres().table)} });
      const handle = attachPg(pool, { name: 'orders' });
      const insert = (seconds) => 'insert into ${postgres().table} select 1 from (select pg_sleep(' + seconds + ')) s';
      ${source}`,
      { ...TIMES, LASTCALL_REPORT: file, ...env },
    );
    return { program, report: () => JSON.parse(readFileSync(file, 'utf8')) as Report };
  }

  it('stops: work finishes, the log says what was drained, and the process ends by the signal', async () => {
    const { program } = start(
      `
      proc.onWrapUp(() => void pool.query(insert(0.3)).then(() => say('committed')));
      pool.query('select 1').then(() => say('up'));`,
      { LASTCALL_HAMMER_TIME_MS: '8000', LASTCALL_WAIT_TIME_MS: '9000' },
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { signal, out, err } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(out).toContain('committed');
    expect(err).toMatch(/resources orders +ok .* 1 drained, 0 cut\n/);
    expect(await postgres().rows()).toBe(1);
  });

  it('cancels more statements than ten without a warning of Node', async () => {
    const { program } = start(
      `
      pool.options.max = 12;
      const clients = Promise.all(Array.from({ length: 12 }, () => pool.connect()));
      clients.then((all) => {
        for (const client of all) client.query('select pg_sleep(60)').catch(() => {}).finally(() => client.release());
        say('up');
      });`,
    );
    await program.saw('up');
    program.kill('SIGTERM');
    const { err } = await program.ended;
    expect(err).toMatch(/orders +cut .* 0 drained, 12 cut \(12 rolled back\)\n/);
    expect(err).not.toContain('MaxListenersExceededWarning');
  });

  it('is cut at the hammer: says what was rolled back, and nothing crashes afterwards', async () => {
    const { program, report } = start(`
      process.on('exit', () => say('exit'));
      (async () => {
        const client = await pool.connect();
        await client.query('begin');
        await client.query(insert(0));
        say('up');
        // Too late by far, however late the hammer is.
        await new Promise((resolve) => proc.events.once('hammer', () => setTimeout(resolve, 300)));
        await client.query('commit').catch(({ message }) => say('commit failed'));
        client.release();
        say('released');
      })();
      proc.onShutdown(() => new Promise((resolve) => setTimeout(resolve, 800)), { name: 'last', stage: 'telemetry' });`);
    await program.saw('up');
    program.kill('SIGTERM');
    const { signal, out, err } = await program.ended;
    expect({ signal, out, err }).toMatchObject({
      signal: 'SIGTERM',
      out: 'up\ncommit failed\nreleased\nexit\n',
      err: expect.stringMatching(/orders +cut .* 0 drained, 1 cut \(1 rolled back\)\n/),
    });
    const orders = report().listeners.find(({ name }) => name === 'orders');
    expect(orders).toMatchObject({
      outcome: 'cut',
      cut: [{ outcome: 'rolled back', state: 'in transaction', heldMs: expect.any(Number) }],
    });
    expect(await postgres().rows()).toBe(0);
    expect(await postgres().gone()).toEqual([]);
  });

  it('ends by itself after a drain, though its server is frozen and never says goodbye', async () => {
    const proxy = await TcpProxy.to(postgres().url);
    const { program } = start(
      `
      // Without a lifecycle nobody ends the process but itself.
      handle.detach();
      proc.uninstall();
      const { createPgDrain } = require('@lastcall/db/pg');
      const drain = createPgDrain(pool);
      process.once('SIGTERM', () => drain.stop({ signal: new AbortController().signal }));
      pool.query('select 1').then(() => say('up'));`,
      {},
      proxy.via(postgres().url),
    );
    await program.saw('up');
    proxy.freeze();
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 0, err: '' });
    proxy.close();
  });

  it('does not crash when its server ends every session, before, during and after the stop', async () => {
    const { program } = start(`
      setInterval(() => {}, 1000); // Without connections nothing else keeps the process alive.
      const held = pool.connect();
      held.then((client) => client.once('end', () => say('held is gone')));
      Promise.all([held, pool.query('select 1')]).then(() => say('up'));
      proc.onShutdown(() => new Promise((resolve) => setTimeout(resolve, 200)), { name: 'last', stage: 'telemetry' });
      proc.onWrapUp(() => say('stopping'));
      proc.events.on('warning', ({ error }) => say(error.code));`);
    await program.saw('up');
    await postgres().terminate();
    await program.saw('LASTCALL_DB_CONNECTION_LOST');
    await program.saw('held is gone');
    program.kill('SIGTERM');
    await program.saw('stopping');
    await postgres().terminate();
    const { signal, err } = await program.ended;
    expect(signal).toBe('SIGTERM');
    expect(err).not.toMatch(/uncaught|Unhandled|Error:/);
    expect(err).toMatch(/orders +ok .* 0 drained, 0 cut\n/);
  });

  it.each([
    ['is silent, and is cut at the hammer', 'freeze'],
    ['resets its connections', 'reset'],
  ] as const)(
    'does not crash where nobody hears errors of a client any more, whose server %s',
    async (_how, fault) => {
      const proxy = await TcpProxy.to(postgres().url);
      const { program } = start(
        `
      setInterval(() => {}, 1000); // Without connections nothing else keeps the process alive.
      (async () => {
        const client = await pool.connect();
        await client.query('begin');
        client.removeAllListeners('error');
        say('up');
        proc.onWrapUp(() => say('stopping'));
      })();
      proc.onShutdown(() => new Promise((resolve) => setTimeout(resolve, 200)), { name: 'last', stage: 'telemetry' });`,
        {},
        proxy.via(postgres().url),
      );
      await program.saw('up');
      program.kill('SIGTERM');
      await program.saw('stopping');
      proxy[fault]();
      const { signal, err } = await program.ended;
      expect(signal).toBe('SIGTERM');
      expect(err).toMatch(/orders +cut .* 0 drained, 1 cut \(1 rolled back\)\n/);
      proxy.close();
    },
  );

  it('is not kept alive by an attached pool, a leak watch or a drain', async () => {
    const { program } = start(`
      handle.detach();
      const { createPgDrain } = require('@lastcall/db/pg');
      const drain = createPgDrain(pool, { leakMs: 60_000 });
      proc.uninstall();
      pool.query('select 1').then(() => drain.stop({ signal: new AbortController().signal })).then(() => say('drained'));`);
    expect(await program.ended).toMatchObject({ code: 0, signal: null, out: 'drained\n', err: '' });
  });

  it('has the same API by require() and import', async () => {
    const { program } = start(`
      const names = (object) => Object.keys(object).filter((name) => !['default', 'module.exports', '__esModule'].includes(name)).sort().join(' ');
      import('@lastcall/db/pg').then((esm) => {
        say(names(require('@lastcall/db/pg')));
        say(names(esm));
        process.exit();
      });`);
    const { out } = await program.ended;
    expect(out).toBe('attachPg createPgDrain\nattachPg createPgDrain\n');
  });
});

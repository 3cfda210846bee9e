import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ask, hold, isAlive, Service } from '../../restart/test/harness/service';
import { commandRoom } from './harness/command-room';
import { runService, supervisorOf } from './harness/run-service';
import { succeeded } from './harness/succeeded';

const REGISTER = join(__dirname, '../../restart/dist/control/register.js');
const FIXTURE = join(__dirname, '../../restart/test/fixtures/service.cjs');

const room = commandRoom();
const { lastcall } = room;

/** Once it can be asked. */
async function asked(pid: number): Promise<string> {
  while (!(await lastcall('status')).out.includes(String(pid)));
  return String(pid);
}

/** The process of generation 1, once it is ready and has its control socket. */
async function first(service: Service): Promise<number> {
  const pid = await service.ready(1);
  while (!(await lastcall('status')).out.includes(String(pid)));
  return pid;
}

/** A service in a chain, with a control socket in each generation. */
function chain(plan: Record<string, Record<string, unknown>> = {}): Service {
  return new Service({
    plan,
    args: ['--require', REGISTER, FIXTURE],
    env: { LASTCALL_CONTROL_DIR: room.folder, LASTCALL_NAME: 'orders' },
  });
}

/** Old generations may finish what takes long. */
const LASTING = { '*': { lifecycle: { hammerTimeMs: 29_000, waitTimeMs: 30_000 } } };

describe('lastcall reload', () => {
  it('resolves when the new generation has taken over, and tells the steps', async () => {
    await using service = chain();
    const old = await first(service);
    const { out, err } = await succeeded(lastcall('reload', String(old)));
    const next = await service.ready(2);
    expect(out).toMatch(new RegExp(`^reloaded: ${next}( serves; .*)?\n$`));
    expect(err).toMatch(/^upgrading \(lastcall reload\)\n[\s\S]*new generation is process/);
    expect(await ask(await service.address())).toBe(`2:${next}`);
    const status = (await lastcall('status', await asked(next))).out;
    expect(status).toContain('generation 2, serving, started by the generation before');
  });

  it('says that the old process drains, and waits for its end when it is to', async () => {
    await using service = chain(LASTING);
    const address = await service.address();
    const old = await first(service);
    const held = hold(address);
    await service.saw({ request: '/held' });
    const { out } = await succeeded(lastcall('reload', String(old)));
    const next = await service.ready(2);
    expect(out).toBe(`reloaded: ${next} serves; ${old} drains, for up to 30.0 s\n`);
    held.release();
    expect(await held.answer).toBe(`1:${old}`);
    const last = ask(address, '/slow?ms=1000');
    await service.saw({ request: '/slow', pid: next });
    const waited = await succeeded(lastcall('reload', '--wait-drained', await asked(next)));
    expect(waited.out).toBe(`reloaded: ${await service.ready(3)}\n`);
    expect(isAlive(next)).toBe(false);
    expect(await last).toBe(`2:${next}`);
  });

  it('knows by the name who leads, while another one starts, and while another one drains', async () => {
    await using service = chain({ ...LASTING, 2: { ...LASTING['*'], readyAfterMs: 4000 } });
    const old = await first(service);
    const held = hold(await service.address());
    await service.saw({ request: '/held' });
    const reloaded = succeeded(lastcall('reload', 'orders'));
    const next = (await service.saw({ generation: 2, begun: true })).pid;
    await asked(next);
    const leaders = [await lastcall('status', 'orders')];
    await reloaded;
    leaders.push(await lastcall('status', 'orders'));
    expect(leaders.map(({ err, out }) => err || /pid \d+/.exec(out)?.[0])).toEqual([
      `pid ${old}`,
      `pid ${next}`,
    ]);
    held.release();
    expect(await held.answer).toBe(`1:${old}`);
  });

  it('says which workers drain, and waits for their end when it is to', async () => {
    await using service = room.run({ plan: LASTING });
    const address = await service.address();
    const old = await service.ready(1);
    const supervisor = await asked(supervisorOf(service));
    const held = hold(address);
    await service.saw({ request: '/held' });
    const { out } = await succeeded(lastcall('reload', supervisor));
    const next = await service.ready(2);
    expect(out).toBe(`reloaded: ${next} serves; ${old} drains, for up to 1m 0s\n`);
    held.release();
    await succeeded(lastcall('reload', '--wait-drained', supervisor));
    for (const pid of [old, next]) expect(isAlive(pid)).toBe(false);
    expect(await held.answer).toBe(`1:${old}`);
  });

  it('ends with 5 when the old process has not drained in time', async () => {
    await using service = chain(LASTING);
    const old = await first(service);
    const held = hold(await service.address());
    await service.saw({ request: '/held' });
    const { code, err } = await lastcall('reload', '--wait-drained', '-t', '6', String(old));
    expect(err).toContain(`serves, but ${old} has not drained within 6 s`);
    expect(code).toBe(5);
    held.release();
    expect(await held.answer).toBe(`1:${old}`);
  });

  it('ends with 1, and says why, when the new generation does not come up', async () => {
    await using service = chain({ 2: { fault: 'import' } });
    const old = await first(service);
    const { err, code } = await lastcall('reload', String(old));
    expect(code).toBe(1);
    expect(err).toContain('before it was ready');
    expect(await ask(await service.address())).toBe(`1:${old}`);
  });

  it('works by SIGHUP and the end of the old process where there is neither', async () => {
    // What the old process has started is looked for while that one is there.
    await using service = new Service({ plan: { '*': { setup: { bakeMs: 1000 } } } });
    const old = await service.ready(1);
    const { out } = await succeeded(lastcall('reload', String(old)));
    expect(out).toBe(`reloaded: ${await service.ready(2)}\n`);
  });

  it('works by SIGHUP and the pid file where there is no control socket', async () => {
    const pidFile = join(room.folder, 'orders.pid');
    await using service = new Service({ env: { LASTCALL_PID_FILE: pidFile } });
    await service.ready(1);
    expect(existsSync(pidFile)).toBe(true);
    const { out } = await succeeded(lastcall('reload', pidFile));
    const next = await service.ready(2);
    expect(out).toBe(`reloaded: ${next}\n`);
  });

  it('ends with 1 when the pid file names the old process again, as the new one died soon after it was ready', async () => {
    const pidFile = join(room.folder, 'orders.pid');
    await using service = new Service({
      env: { LASTCALL_PID_FILE: pidFile },
      plan: {
        1: { setup: { bakeMs: 20_000 } },
        2: { fault: 'bake', how: 'kill', afterMs: 1000 },
      },
    });
    const old = await service.ready(1);
    const { out, err, code } = await lastcall('reload', pidFile);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`process ${old} has taken its place back`);
    expect(await ask(await service.address())).toBe(`1:${old}`);
  });

  it('does nothing to lastcall run whose control socket is not found, as nothing would be seen of the outcome', async () => {
    await using service = runService({ folder: '/proc/nowhere' });
    const worker = await service.ready(1);
    const supervisor = supervisorOf(service);
    const { err, code } = await lastcall('reload', String(supervisor));
    expect(code).toBe(4);
    expect(err).toContain(
      `process ${supervisor} is lastcall run, and its control socket is not found`,
    );
    expect(await ask(await service.address())).toBe(`1:${worker}`);
  });
});

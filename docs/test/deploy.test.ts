import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { itWith, MOUNTS, PID_NAMESPACES } from '../../packages/proc/test/harness/needs';
import { freePort } from '../../packages/restart/test/harness/free-port';
import { logged } from '../../packages/restart/test/harness/logged';
import { ask, Service, send } from '../../packages/restart/test/harness/service';
import {
  containerOf,
  deployFile,
  type Start,
  startOfImage,
  startOfUnit,
  unitOf,
} from './deploy-files';

const CLI = join(__dirname, '..', '..', 'packages', 'cli');
const UNITS = [
  'service@.service',
  'upgrade.service',
  'upgrade.socket',
  'supervised/service.service',
];
const IN_CONTAINER = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** Stands for the root of the machine: the places that the files name are folders in it. */
let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'lastcall-deploy-')));
  // RuntimeDirectoryMode=0700
  mkdirSync(join(root, 'run', 'service'), { recursive: true, mode: 0o700 });
  install(join(root, 'app'));
  install(join(root, 'opt', 'service'));
  for (const home of ['opt', 'srv']) release(home, 1);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** What `npm ci` and the build make of a service. */
function install(folder: string): void {
  mkdirSync(join(folder, 'dist'), { recursive: true });
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
  copyFileSync(join(__dirname, 'deployed-service.cjs'), join(folder, 'dist', 'main.js'));
  symlinkSync(
    join(__dirname, '..', 'node_modules', '@lastcall'),
    join(folder, 'node_modules', '@lastcall'),
  );
  const { bin } = JSON.parse(readFileSync(join(CLI, 'package.json'), 'utf8'));
  for (const [name, file] of Object.entries<string>(bin))
    symlinkSync(join(CLI, file), join(folder, 'node_modules', '.bin', name));
}

/** Puts a release in place, and has `current` point to it. */
function release(home: string, number: number): string {
  const service = join(root, home, 'service');
  const folder = join(service, `release-${number}`);
  install(folder);
  symlinkSync(folder, join(service, 'next'));
  renameSync(join(service, 'next'), join(service, 'current'));
  return folder;
}

/** The text of a file, with the places of this machine. */
function placed(name: string): string {
  return deployFile(name)
    .replaceAll('/usr/bin/node', process.execPath)
    .replaceAll(/(?<=[= ])\/(opt|srv|run|app)\b/g, `${root}/$1`)
    .replaceAll('%i', '0');
}

function start({ command, cwd, env }: Start, under: readonly string[] = []): Service {
  const [execPath = '', ...args] = command;
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  return new Service({
    under,
    execPath,
    args,
    cwd,
    hasOwnPids: under === IN_CONTAINER,
    env: {
      LASTCALL_CONTROL_DIR: join(root, 'control'),
      LASTCALL_BAKE_MS: '100',
      ...env,
      PORT: '0',
      PATH: env.PATH?.replace('$PATH', path) ?? path,
    },
  });
}

/** No setting of the file is one that the service warns of. */
function expectNoWarnings({ events }: Service): void {
  expect(events.filter(({ warning }) => warning !== undefined)).toEqual([]);
}

it('lastcall doctor finds nothing in the files of docs/deploy', () => {
  const doctor = [process.execPath, join(CLI, 'bin', 'lastcall.js'), 'doctor', '--json'];
  const files = [...UNITS, 'Dockerfile', 'deployment.yaml', 'supervised/Dockerfile']
    .concat('supervised/deployment.yaml')
    .filter((name) => !name.endsWith('.socket'))
    .map((name) => join(__dirname, '..', 'deploy', name));
  const { status, stdout } = run([...doctor, ...files]);
  const diagnoses: { subject: string; findings: unknown[] }[] = JSON.parse(stdout);
  expect(diagnoses).toHaveLength(files.length);
  expect(diagnoses.flatMap(({ findings }) => findings)).toEqual([]);
  expect(status).toBe(0);
});

describe('a unit of docs/deploy', () => {
  itWith(['systemd-analyze'])('is one for systemd: all of them', () => {
    const [, version] = /^systemd (\d+)/.exec(run(['systemd-analyze', '--version']).stdout) ?? [];
    const isOld = Number(version) < 253;
    const files = UNITS.map((name) => {
      const file = join(root, name.replace('/', '-').replace('@', '@3001'));
      const text = placed(name);
      // As the comment there says.
      writeFileSync(file, isOld ? text.replace('Type=notify-reload', 'Type=notify') : text);
      return file;
    });
    expect(run(['systemd-analyze', 'verify', ...files])).toMatchObject({ status: 0, stderr: '' });
  });

  it('starts the service: service@.service', async () => {
    const unit = unitOf(placed('service@.service'));
    await using service = start(startOfUnit(unit));
    const pid = await service.ready(1);
    expect(await ask(await service.address())).toBe(`1:${pid}`);
    send(pid, 'SIGTERM');
    expect(await service.exited).toEqual({ code: null, signal: 'SIGTERM' });
    const report = readFileSync(join(root, 'run', 'service', 'report-0.json'), 'utf8');
    expect(JSON.parse(report)).toMatchObject({ reason: 'SIGTERM', ok: true });
    expectNoWarnings(service);
  });

  it('replaces the service by the release that is current then: upgrade.service', async () => {
    await using service = start(startOfUnit(unitOf(placed('upgrade.service'))));
    const old = await service.ready(1);
    const cwd = release('opt', 2);
    send(old, 'SIGHUP');
    await service.saw({ generation: 2, begun: true, cwd });
    const next = await service.ready(2);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(await ask(await service.address())).toBe(`2:${next}`);
    expectNoWarnings(service);
  });

  itWith(['systemd-socket-activate'])('hands its socket over: upgrade.socket', async () => {
    const socket = unitOf(placed('upgrade.socket'));
    const listen = `127.0.0.1:${await freePort()}`;
    const passed = ['PATH', 'PORT', 'NODE_OPTIONS'].flatMap((name) => ['-E', name]);
    await using service = start(startOfUnit(unitOf(placed('upgrade.service'))), [
      'systemd-socket-activate',
      ...['-l', listen, `--fdname=${socket.get('FileDescriptorName')}`, ...passed],
    ]);
    await logged(service, 'Listening on');
    const answer = await ask(listen);
    expect(answer).toBe(`1:${await service.ready(1)}`);
    expect(await service.address()).toBe(listen);
  });

  it('reloads by its ExecReload, and stops with all workers: supervised/service.service', async () => {
    const unit = unitOf(placed('supervised/service.service'));
    const { command, ...rest } = startOfUnit(unit);
    await using service = start({ command, ...rest });
    const supervisor = service.child.pid as number;
    const first = await ready(service, 1, 2);
    // The supervisor hears of it another way than the test.
    await logged(service, '2 workers are ready');
    const cwd = release('srv', 2);
    const reload = unit.get('ExecReload')?.[0]?.replace('$MAINPID', String(supervisor)).split(' ');
    expect(run(reload ?? [], rest.env)).toMatchObject({ status: 0 });
    const second = await ready(service, 2, 2);
    for (const pid of second) await service.saw({ pid, begun: true, cwd });
    for (const pid of first) await service.gone(pid);
    send(supervisor, 'SIGTERM');
    expect(await service.exited).toEqual({ code: null, signal: 'SIGTERM' });
    for (const pid of second) await service.gone(pid);
    expectNoWarnings(service);
  });
});

describe('an image of docs/deploy, as process 1', () => {
  itWith(['unshare', PID_NAMESPACES, MOUNTS])(
    'gets SIGTERM, and ends with 143: Dockerfile',
    async () => {
      await using service = start(startOfImage(placed('Dockerfile')), IN_CONTAINER);
      await service.ready(1);
      send(processOne(service), 'SIGTERM');
      expect(await service.exited).toEqual({ code: 143, signal: null });
    },
  );

  itWith(['unshare', 'nsenter', PID_NAMESPACES, MOUNTS])(
    'replaces its workers as docker kill and docker exec ask, and ends with 143: supervised/Dockerfile',
    async () => {
      const image = startOfImage(placed('supervised/Dockerfile'));
      await using service = start(image, IN_CONTAINER);
      await service.ready(1);
      await logged(service, 'the worker is ready');
      const one = processOne(service);
      send(one, 'SIGHUP');
      await logged(service, /worker 0: process \d+ has taken over/);
      const inside = ['nsenter', '--target', String(one), '--pid', '--mount'];
      const lastcall = join(root, 'app', 'node_modules', '.bin', 'lastcall');
      expect(run([...inside, lastcall, 'reload', 'service'], image.env)).toMatchObject({
        status: 0,
      });
      await service.ready(3);
      send(one, 'SIGTERM');
      expect(await service.exited).toEqual({ code: 143, signal: null });
    },
  );
});

describe('a Deployment of docs/deploy', () => {
  itWith(['unshare', PID_NAMESPACES, MOUNTS]).each([
    ['deployment.yaml', 'Dockerfile'],
    ['supervised/deployment.yaml', 'supervised/Dockerfile'],
  ])('starts the image, and its probes are answered also during the stop: %s', async (name, of) => {
    const { args, env, ...container } = containerOf(deployFile(name));
    const image = startOfImage(placed(of), args);
    const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    await using service = start({ ...image, env: { ...image.env, ...own } }, IN_CONTAINER);
    await service.ready(1);
    const address = await service.address();
    const probe = async (which: 'livenessProbe' | 'readinessProbe'): Promise<number> =>
      (await fetch(`http://${address}${container[which].httpGet.path}`)).status;
    expect([await probe('livenessProbe'), await probe('readinessProbe')]).toEqual([200, 200]);
    send(processOne(service), 'SIGTERM');
    while ((await probe('readinessProbe')) === 200);
    expect([await probe('livenessProbe'), await probe('readinessProbe')]).toEqual([200, 503]);
    expectNoWarnings(service);
  });
});

function run(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [file = '', ...args] = command;
  const control = join(root, 'control');
  return spawnSync(file, args, {
    encoding: 'utf8',
    timeout: 20_000,
    env: {
      ...process.env,
      LASTCALL_CONTROL_DIR: control,
      ...env,
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    },
  });
}

/** The workers that are ready in a generation. */
function ready(service: Service, generation: number, count: number): Promise<number[]> {
  return service.when(`${count} workers of generation ${generation}`, () => {
    const pids = service.events
      .filter((event) => event.generation === generation && event.ready)
      .map(({ pid }) => pid);
    return pids.length >= count ? pids : undefined;
  });
}

/** Process 1 of the namespace is the one child of unshare. */
function processOne({ child }: Service): number {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return Number(children.split(' ')[0]);
}

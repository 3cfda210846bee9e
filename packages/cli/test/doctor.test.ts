import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runProgram } from '../../../tools/run-program';
import { describeWith, itWith, LINUX, ROOT } from '../../proc/test/harness/needs';
import { send } from '../../restart/test/harness/service';
import { succeeded } from './harness/succeeded';
import { runCli } from './run-cli';

const BIN = join(__dirname, '..', 'bin', 'lastcall.js');
// What keeps root from reading what others may not; not another user, who may not read this Node either.
const WITHOUT_RIGHTS = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'];
const isRoot = ROOT.isThere();

/** In a process of its own: one that waits for a pipe can only be killed. */
async function doctor(path: string, under: readonly string[] = []) {
  const [file = '', ...args] = [...under, process.execPath, BIN, 'doctor', path];
  const child = spawn(file, args, { timeout: 15_000 });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const [code] = await once(child, 'close');
  return { code, err };
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lastcall-doctor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The rules that a file breaks, with their severity. */
async function rulesOf(name: string, text: string): Promise<string[]> {
  const path = join(folder, name);
  writeFileSync(path, text);
  const { out } = await runCli(['doctor', '--json', path]);
  return (JSON.parse(out) as { findings: { rule: string; severity: string }[] }[]).flatMap(
    ({ findings }) => findings.map(({ rule, severity }) => `${severity} ${rule}`),
  );
}

it('says that the folder in which it is called is gone', async () => {
  const cwd = (): string => {
    throw Object.assign(new Error('uv_cwd'), { code: 'ENOENT' });
  };
  const { code, err } = await runCli(['doctor'], { cwd });
  expect(code).toBe(3);
  expect(err).toBe(
    'lastcall: the working directory is not there any more: change to another one\n',
  );
});

it('says that a file says nothing of how a service is run', async () => {
  const path = join(folder, 'service.yaml');
  writeFileSync(path, 'kind: Service');
  const { code, out } = await runCli(['doctor', path]);
  expect([code, out]).toEqual([0, `${path}: nothing of how a service is run\n`]);
});

it('says that a link leads to itself', async () => {
  const path = join(folder, 'Dockerfile');
  symlinkSync('Dockerfile', path);
  const { code, err } = await runCli(['doctor', path]);
  expect([code, err]).toEqual([3, expect.stringMatching(/^lastcall: cannot read .*ELOOP.*\n$/)]);
});

describe('lastcall doctor of what is no file it can read says so, and does not wait', () => {
  const make: Readonly<Record<string, (path: string) => unknown>> = {
    'named pipe': (path) => execFileSync('mkfifo', [path]),
    folder: (path) => mkdirSync(path),
    device: (path) => symlinkSync('/dev/zero', path),
    socket: (path) => once(createServer().listen(path).unref(), 'listening'),
    'more than 4.0 MB': (path) => writeFileSync(path, Buffer.alloc(5e6, 'a')),
    'more bytes than there is memory': (path) => {
      writeFileSync(path, '');
      truncateSync(path, 2 ** 40);
    },
  };
  const texts: Readonly<Record<string, string>> = {
    'more bytes than there is memory': 'it has more than 4.0 MB',
  };

  it.each(Object.keys(make))('%s', async (what) => {
    const path = join(folder, 'sub', 'Dockerfile');
    mkdirSync(dirname(path));
    await make[what]?.(path);
    const { code, err } = await doctor(path);
    if (what === 'folder') expect(err).toContain(`${path} has no Dockerfile`);
    else expect(err).toContain(`cannot read ${path}: `);
    if (what !== 'folder') expect(err).toContain(texts[what] ?? what);
    expect(code).toBe(3);
  });

  it('a pid file that is a named pipe', async () => {
    const path = join(folder, 'service.pid');
    execFileSync('mkfifo', [path]);
    const { code, err } = await doctor(path);
    expect([code, err]).toEqual([3, expect.stringContaining('no process, pid file or control')]);
  });

  itWith(isRoot ? ['setpriv'] : [])('a file and a folder that one may not read', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed);
    const file = join(folder, 'Dockerfile');
    writeFileSync(file, 'CMD node app.js');
    for (const path of [file, closed]) chmodSync(path, 0);
    for (const path of [file, `${closed}/`]) {
      const { code, err } = await doctor(path, isRoot ? WITHOUT_RIGHTS : []);
      expect(err).toMatch(/^lastcall: cannot read .*EACCES.*\n$/);
      expect(code).toBe(3);
    }
  });
});

describe('lastcall doctor of a Dockerfile', () => {
  it.each([
    ['CMD ["node", "app.js"]', []],
    ['CMD node app.js', ['problem shell-in-front']],
    ['CMD exec node app.js', []],
    // Single quotes are no JSON: Docker gives the line to the shell.
    ["CMD ['node', 'app.js']", ['problem shell-in-front']],
    ['CMD ["node", 5]', ['problem shell-in-front']],
    ['CMD ["npm", "start"]', ['problem package-manager-in-front']],
    ['CMD ["sh", "-c", "node app.js"]', ['problem shell-in-front']],
    ['CMD ["sh", "-c", "exec node app.js"]', []],
    ['CMD ["node", "/usr/local/bin/nodemon", "app.js"]', ['warning watcher-in-front']],
    ['CMD ["node", "--disable-sigusr1", "app.js"]', ['problem dump-signal']],
    ['CMD ["node", "--permission", "app.js"]', ['problem dump-signal']],
    ['ENTRYPOINT ["tini", "--"]\nCMD ["node", "app.js"]', []],
    ['ENTRYPOINT ["lastcall", "run", "--"]\nCMD ["node", "app.js"]', []],
    ['STOPSIGNAL SIGKILL\nCMD ["node", "app.js"]', ['problem stop-signal']],
    ['STOPSIGNAL SIGINT\nCMD ["node", "app.js"]', []],
    ['ENV LASTCALL_WAIT_TIME_MS=12000\nCMD ["node", "app.js"]', ['problem grace-period']],
    ['ENV LASTCALL_WAIT_TIME=12000\nCMD ["node", "app.js"]', ['warning unknown-variable']],
    ['ENV LASTCALL_EXIT=maybe\nCMD ["node", "app.js"]', ['problem bad-variable']],
    ['ENV LASTCALL_WRAP_UP_TIME_MS=5000\nCMD ["node", "app.js"]', ['problem times-in-order']],
    ['ENV LASTCALL_WRAP_UP_TIME_MS 0\nCMD ["node", "app.js"]', ['warning readiness-hold']],
    ['CMD npm start\nFROM node:24\nCMD ["node", "app.js"]', []],
    ['FROM scratch', []],
  ])('%j', async (text, expected) => {
    expect(await rulesOf('Dockerfile', `FROM node:24\n${text}\n`)).toEqual(expected);
  });
});

describe('lastcall doctor of a Kubernetes manifest', () => {
  const manifest = (pod: object, container: object): string =>
    JSON.stringify({
      kind: 'Deployment',
      metadata: { name: 'api' },
      spec: {
        template: {
          spec: {
            ...pod,
            containers: [{ name: 'api', ports: [{ containerPort: 1 }], ...container }],
          },
        },
      },
    });
  const env = (variables: Record<string, string>): object[] =>
    Object.entries(variables).map(([name, value]) => ({ name, value }));
  const FINE = {
    LASTCALL_WRAP_UP_TIME_MS: '8000',
    LASTCALL_HAMMER_TIME_MS: '20000',
    LASTCALL_WAIT_TIME_MS: '25000',
  };
  const probe = { readinessProbe: { httpGet: { path: '/readyz' } } };

  it('finds nothing where all is set', async () => {
    const text = manifest(
      { terminationGracePeriodSeconds: 30 },
      { ...probe, env: env({ ...FINE, LASTCALL_GRACE_PERIOD_MS: '30000' }) },
    );
    expect(await rulesOf('api.yaml', text)).toEqual([]);
  });

  it('finds a missing hold, a missing probe, and a period that is not told', async () => {
    expect(await rulesOf('api.yaml', manifest({}, {}))).toEqual([
      'problem readiness-probe',
      'warning readiness-hold',
      'hint grace-period-unsaid',
    ]);
  });

  it('looks into a list, as kubectl get gives it', async () => {
    const list = JSON.stringify({ kind: 'List', items: [null, JSON.parse(manifest({}, {}))] });
    expect(await rulesOf('api.yaml', list)).toContain('problem readiness-probe');
  });

  it('counts what preStop takes out of the grace period', async () => {
    const lifecycle = { preStop: { exec: { command: ['sleep', '10'] } } };
    const text = manifest({}, { ...probe, lifecycle, env: env(FINE) });
    expect(await rulesOf('api.yaml', text)).toEqual(['problem grace-period']);
  });

  it.each([
    [{ livenessProbe: { httpGet: { path: '/readyz' } } }, ['warning liveness-probe']],
    [{ livenessProbe: { httpGet: { path: '/livez' } } }, []],
    [{ readinessProbe: { httpGet: { path: '/livez' } } }, ['problem readiness-probe']],
    // Ports are for the reader alone: what is probed at one serves.
    [
      { ports: [], readinessProbe: undefined, livenessProbe: { httpGet: { path: '/livez' } } },
      ['problem readiness-probe'],
    ],
    [{ ports: [], readinessProbe: undefined }, []],
  ])('looks at what probes ask: %j', async (container, expected) => {
    const variables = env({ ...FINE, LASTCALL_GRACE_PERIOD_MS: '30000' });
    const text = manifest({}, { ...probe, env: variables, ...container });
    expect(await rulesOf('api.yaml', text)).toEqual(expected);
  });

  it('knows that a shell as command passes nothing on', async () => {
    const text = manifest(
      {},
      {
        ...probe,
        command: ['sh', '-c', 'node app.js'],
        env: env({ ...FINE, LASTCALL_GRACE_PERIOD_MS: '30000' }),
      },
    );
    expect(await rulesOf('api.yaml', text)).toEqual(['problem shell-in-front']);
  });
});

describe('lastcall doctor', () => {
  it('reads Compose files and systemd units', async () => {
    const compose = 'services:\n  api:\n    command: npm start\n    stop_grace_period: 3s\n';
    expect(await rulesOf('compose.yaml', compose)).toEqual([
      'problem grace-period',
      'problem package-manager-in-front',
    ]);
    const unit =
      '[Service]\nExecStart=/bin/sh -c "node app.js"\nTimeoutStopSec=2\nKillSignal=SIGKILL\n';
    expect(await rulesOf('api.service', unit)).toEqual([
      'problem grace-period',
      'problem shell-in-front',
      'problem stop-signal',
    ]);
  });

  it.each([
    ['ExecStart=\nExecStart=/usr/bin/node app.js\nTimeoutStopSec=30', []],
    ['ExecStart=/usr/bin/npm start\nExecStart=\nTimeoutStopSec=30', []],
    ['ExecStart=/usr/bin/node \\\n  --disable-sigusr1 app.js', ['problem dump-signal']],
    ['KillSignal=\nExecStart=/usr/bin/npm start', ['problem package-manager-in-front']],
    // What makes way is in nobody's way.
    ["ExecStart=/bin/sh -c 'cd /srv && exec node app.js'", []],
    ["ExecStart=/bin/sh -c 'node app.js; echo exec'", ['problem shell-in-front']],
    ['ExecStart=/usr/bin/env A=b node app.js', []],
    ['ExecStart=/usr/bin/env npm start', ['problem package-manager-in-front']],
  ])('reads a unit as systemd does: %j', async (text, expected) => {
    expect(await rulesOf('api.service', `[Service]\n${text}\n`)).toEqual(expected);
  });

  it.each([
    ['node dist/main.js', []],
    ['NODE_ENV=production tsx watch src/main.ts', ['warning watcher-in-front']],
    ['cross-env NODE_ENV=production nodemon src/main.ts', ['warning watcher-in-front']],
    ['A=1 B=2 node --disable-sigusr1 dist/main.js', ['problem dump-signal']],
  ])('reads what npm start runs: %j', async (start, expected) => {
    expect(await rulesOf('package.json', JSON.stringify({ scripts: { start } }))).toEqual(expected);
  });

  it.each([
    [{ LASTCALL_HAMMER_TIME_MS: '9000' }, ', unless proc.setup() sets the others'],
    [
      { LASTCALL_WRAP_UP_TIME_MS: '1', LASTCALL_HAMMER_TIME_MS: '3', LASTCALL_WAIT_TIME_MS: '2' },
      '',
    ],
  ])('is not surer of times than it can be: %j', async (variables, doubt) => {
    const around = { cwd: () => folder, allEnv: () => variables };
    const { out } = await runCli(['doctor'], around);
    expect(out).toContain(
      `the process will not start (LASTCALL_BAD_TIMES)${doubt} [times-in-order]`,
    );
  });

  it('looks at the files around, and ends with 1 when there is a problem, else with 0', async () => {
    mkdirSync(join(folder, 'k8s'));
    writeFileSync(join(folder, 'Dockerfile'), 'FROM node\nCMD npm start\n');
    const around = { cwd: () => folder, allEnv: () => ({}) };
    const { code, out } = await runCli(['doctor'], around);
    expect(code).toBe(1);
    expect(out).toMatch(/Dockerfile\n {2}✗ problem: .*\[shell-in-front\]\n {6}→ /);
    writeFileSync(join(folder, 'Dockerfile'), 'FROM node\nCMD ["node", "app.js"]\n');
    await succeeded(runCli(['doctor'], around));
  });

  it('looks at the files of a folder that it is given', async () => {
    writeFileSync(join(folder, 'Dockerfile'), 'FROM node\nCMD npm start\n');
    const { code, out } = await runCli(['doctor', folder]);
    expect(code).toBe(1);
    expect(out).toContain('[shell-in-front]');
    const cwd = process.cwd();
    process.chdir(dirname(folder));
    try {
      expect((await runCli(['doctor', basename(folder)])).out).toContain('[shell-in-front]');
    } finally {
      process.chdir(cwd);
    }
    mkdirSync(join(folder, 'empty'));
    const none = await runCli(['doctor', join(folder, 'empty')]);
    expect(none.err).toContain('has no Dockerfile');
    expect(none.code).toBe(3);
  });

  it('refuses files that it cannot read', async () => {
    const path = join(folder, 'api.yaml');
    writeFileSync(path, 'a: [');
    expect((await runCli(['doctor', path])).code).toBe(1);
    writeFileSync(join(folder, 'notes.txt'), '');
    expect((await runCli(['doctor', join(folder, 'notes.txt')])).code).toBe(1);
    expect((await runCli(['doctor', '999999999'])).code).toBe(3);
  });
});

// What a process is started with and listens to is read in /proc, which only Linux has.
describeWith([LINUX])('lastcall doctor of a live process', () => {
  it('sees whether signals are handled', async () => {
    const bare = runProgram(folder, 'setInterval(() => {}, 1000); console.log("up")');
    await bare.saw('up');
    const { out } = await runCli(['doctor', String(bare.child.pid)]);
    bare.kill('SIGKILL');
    expect(out).toContain('[no-lastcall]');
    const ours = runProgram(
      join(__dirname, '..'),
      "require('@lastcall/proc').proc.install(); setInterval(() => {}, 1000); console.log('up')",
      { env: { LASTCALL_WRAP_UP_TIME_MS: '0', LASTCALL_WAIT_TIME_MS: '20000' } },
    );
    await ours.saw('up');
    const looked = await runCli(['doctor', String(ours.child.pid)]);
    ours.kill('SIGKILL');
    expect(looked.out).not.toContain('[no-lastcall]');
    expect(looked.out).toContain('[readiness-hold]');
    await Promise.all([bare.ended, ours.ended]);
  });

  it('sees a shell in front of it', async () => {
    const program = `setInterval(() => {}, 1000); console.log("pid " + process.pid)`;
    const shell = spawn('sh', ['-c', `"$0" -e '${program}'; true`, process.execPath], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [chunk] = await once(shell.stdout, 'data');
    const pid = /pid (\d+)/.exec(String(chunk))?.[1] ?? '';
    const { out } = await runCli(['doctor', '--json', pid]);
    const itself = await runCli(['doctor', String(shell.pid)]);
    send(Number(pid), 'SIGKILL');
    await once(shell, 'close');
    expect(itself.out).toContain('is a shell (sh)');
    expect(itself.out).not.toContain('[no-lastcall]');
    expect(JSON.parse(out)[0].findings.map(({ rule }: { rule: string }) => rule)).toContain(
      'shell-in-front',
    );
  });
});

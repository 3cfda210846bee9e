import { basename } from 'node:path';

const SHELLS = ['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh'];
const PACKAGE_MANAGERS = ['npm', 'npx', 'yarn', 'pnpm', 'pnpx', 'corepack'];
const WATCHERS = ['nodemon', 'tsx', 'ts-node', 'ts-node-dev', 'pm2-dev', 'supervisor'];

/** What kind of program a command line runs, as far as it matters to signals. */
export type ProgramKind =
  | 'node'
  | 'shell'
  | 'package manager'
  | 'watcher'
  | 'lastcall'
  | 'init'
  | 'other';

const INITS = ['tini', 'dumb-init', 'docker-init', 'catatonit', 's6-svscan', 'systemd', 'init'];

/** Which program a command line runs: a script of Node counts as itself, `node /usr/bin/npm start` as npm. */
export function programOf(args: readonly string[]): {
  readonly name: string;
  readonly kind: ProgramKind;
} {
  const first = nameOf(args[0] ?? '');
  if (first !== 'node') return { name: first, kind: kindOf(first) };
  const script = args.slice(1).find((argument) => !argument.startsWith('-'));
  if (args.slice(1).some((argument) => /^--watch(-path)?(=|$)/.test(argument)))
    return { name: 'node --watch', kind: 'watcher' };
  const name = nameOf((script ?? 'node').replace(/-cli\.[cm]?js$/, ''));
  const kind = kindOf(name);
  return kind === 'other' ? { name: 'node', kind: 'node' } : { name, kind };
}

/** What remains of a command line whose first programs make way: `env A=b node app.js`, `sh -c 'exec node app.js'`. */
export function whatRemains(args: readonly string[]): readonly string[] {
  const [program = '', ...rest] = args;
  const name = nameOf(program);
  if (name === 'env' || name === 'cross-env') {
    const at = rest.findIndex((word) => !/^-|=/.test(word));
    return at === -1 ? args : whatRemains(rest.slice(at));
  }
  const [option = '', line = ''] = rest;
  if (kindOf(name) !== 'shell' || !/^-\w*c$/.test(option)) return args;
  const [, command] = /(?:^|\s|;|&)exec\s+(.+)$/s.exec(line) ?? [];
  return command === undefined ? args : whatRemains(command.split(/\s+/));
}

function nameOf(path: string): string {
  // npm renames its process to `npm start`; login shells are called `-bash`.
  const [word = ''] = path.replace(/^-/, '').split(' ');
  return basename(word).replace(/\.(c|m)?js$/, '');
}

function kindOf(name: string): ProgramKind {
  if (name === 'node' || name === 'nodejs') return 'node';
  if (SHELLS.includes(name)) return 'shell';
  if (PACKAGE_MANAGERS.includes(name)) return 'package manager';
  if (WATCHERS.includes(name)) return 'watcher';
  if (name === 'lastcall' || name === 'lastcall-init') return 'lastcall';
  return INITS.includes(name) ? 'init' : 'other';
}

/** Options of Node in a command line, and in NODE_OPTIONS. */
export function nodeOptionsOf(
  command: readonly string[] | null,
  nodeOptions: string | undefined,
): string[] {
  const own: string[] = [];
  for (const argument of (command ?? []).slice(1)) {
    if (!argument.startsWith('-')) break;
    own.push(argument);
  }
  return [...own, ...(nodeOptions ?? '').split(/\s+/).filter((option) => option !== '')];
}

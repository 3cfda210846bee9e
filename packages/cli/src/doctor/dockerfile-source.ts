import { type Facts, noFacts } from './facts';

interface Start {
  readonly args: readonly string[];
  readonly isShellForm: boolean;
}

/** What a Dockerfile says of how its image is run: the last stage counts. Empty when it starts nothing. */
export function factsOfDockerfile(text: string, subject: string): Facts[] {
  const env: Record<string, string> = {};
  let entrypoint: Start | null = null;
  let cmd: Start | null = null;
  let stopSignal: string | null = null;
  for (const [instruction, value] of instructionsOf(text)) {
    if (instruction === 'FROM') {
      for (const name of Object.keys(env)) delete env[name];
      [entrypoint, cmd, stopSignal] = [null, null, null];
    }
    if (instruction === 'ENV') Object.assign(env, variablesOf(value));
    if (instruction === 'ENTRYPOINT') entrypoint = startOf(value);
    if (instruction === 'CMD') cmd = startOf(value);
    if (instruction === 'STOPSIGNAL') stopSignal = value;
  }
  const first = entrypoint ?? cmd;
  if (first === null) return [];
  const args =
    entrypoint === null || entrypoint.isShellForm
      ? first.args
      : [...entrypoint.args, ...(cmd?.args ?? [])];
  const { isShellForm } = first;
  return [
    {
      ...noFacts(subject, 'file'),
      env,
      command: args,
      isShellForm,
      platform: 'docker',
      stopSignal,
    },
  ];
}

function instructionsOf(text: string): (readonly [string, string])[] {
  const lines = text
    .replace(/^\s*#.*$/gm, '')
    .replace(/\\\r?\n/g, ' ')
    .split('\n');
  return lines.flatMap((line) => {
    const [, instruction, value] = /^\s*([A-Za-z]+)\s+(.*?)\s*$/.exec(line) ?? [];
    return instruction === undefined || value === undefined
      ? []
      : [[instruction.toUpperCase(), value] as const];
  });
}

/** `["node", "app.js"]`, or a line for the shell; one that begins with `exec` leaves no shell behind. */
function startOf(value: string): Start {
  const args = execFormOf(value);
  if (args !== null) return { args, isShellForm: false };
  const words = value.split(/\s+/);
  if (words[0] === 'exec') return { args: words.slice(1), isShellForm: false };
  return { args: words, isShellForm: true };
}

/** What is no JSON, such as a list with single quotes, goes to the shell as it is. */
function execFormOf(value: string): readonly string[] | null {
  if (!value.startsWith('[')) return null;
  try {
    const args: unknown = JSON.parse(value);
    return Array.isArray(args) && args.every((arg) => typeof arg === 'string') ? args : null;
  } catch {
    return null;
  }
}

function variablesOf(value: string): Record<string, string> {
  if (!/^[A-Za-z_][A-Za-z0-9_]*=/.test(value)) {
    const [name = '', ...rest] = value.split(/\s+/);
    return { [name]: rest.join(' ') };
  }
  const pairs = value.matchAll(/([A-Za-z_][A-Za-z0-9_]*)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)/g);
  return Object.fromEntries(
    [...pairs].map(([, name = '', text = '']) => [name, text.replace(/^(["'])(.*)\1$/, '$2')]),
  );
}

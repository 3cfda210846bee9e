import { spawn } from 'node:child_process';
import type { CliEnvironment } from '../cli-environment';

/** Shows `url` in the browser of whoever sits here; false where nobody can: over SSH, in a container. */
export function openBrowser(environment: CliEnvironment, url: string): boolean {
  const command = commandFor(environment);
  if (command === null) return false;
  const [file, ...args] = command;
  const child = spawn(file, [...args, url], { stdio: 'ignore', detached: true });
  // Not installed: the address was printed.
  child.once('error', () => {});
  child.unref();
  return true;
}

function commandFor({ platform, env }: CliEnvironment): [string, ...string[]] | null {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const hasDisplay = (env('DISPLAY') ?? env('WAYLAND_DISPLAY') ?? '') !== '';
  return hasDisplay ? ['xdg-open'] : null;
}

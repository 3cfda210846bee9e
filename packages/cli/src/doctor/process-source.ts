import type { CliEnvironment } from '../cli-environment';
import { environmentOf, type ProcessFacts, processFacts } from '../target/process-facts';
import { type Ancestor, type Facts, noFacts, type Times } from './facts';

/** More generations of parents than any service has. */
const MOST_ANCESTORS = 32;

/** What the system tells of a live process; null where there is none. */
export function factsOfProcess(
  environment: CliEnvironment,
  pid: number,
  settings: Times | null,
): Facts | null {
  const found = processFacts(environment, pid);
  if (found === null) return null;
  const env = environmentOf(environment, pid);
  return {
    ...noFacts(`process ${pid}`, 'process'),
    env,
    command: found.args,
    platform: platformOf(environment, env),
    live: { pid, caught: found.caught, ancestors: ancestorsOf(environment, found) },
    settings,
  };
}

function ancestorsOf(environment: CliEnvironment, { ppid }: ProcessFacts): Ancestor[] {
  const line: Ancestor[] = [];
  for (let pid = ppid; pid > 0 && line.length < MOST_ANCESTORS; ) {
    const parent = processFacts(environment, pid);
    if (parent === null) break;
    line.push({ pid, args: parent.args });
    pid = parent.ppid;
  }
  return line;
}

function platformOf(
  environment: CliEnvironment,
  env: Readonly<Record<string, string>>,
): Facts['platform'] {
  if (env.pm_id !== undefined) return 'pm2';
  if (env.KUBERNETES_SERVICE_HOST !== undefined) return 'kubernetes';
  if (env.INVOCATION_ID !== undefined || env.NOTIFY_SOCKET !== undefined) return 'systemd';
  return environment.readText('/.dockerenv') === null ? null : 'docker';
}

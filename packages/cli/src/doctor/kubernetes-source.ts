import { parseAllDocuments } from 'yaml';
import { type Facts, noFacts } from './facts';

type Fields = Readonly<Record<string, unknown>>;

/** What a manifest says of the containers of its pods; empty when it has none. */
export function factsOfManifest(text: string, subject: string): Facts[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return manifestsIn(fields(document.toJS())).flatMap((manifest) =>
      factsOfOne(manifest, subject),
    );
  });
}

/** `kubectl get -o yaml` gives several as one list. */
function manifestsIn(document: Fields): readonly Fields[] {
  return document.kind === 'List' ? list(document.items).map(fields) : [document];
}

function factsOfOne(manifest: Fields, subject: string): Facts[] {
  const pod = podOf(manifest);
  if (pod === null) return [];
  const name = String(fields(manifest.metadata).name ?? manifest.kind);
  return list(pod.containers).map((container) =>
    factsOfContainer(fields(container), pod, manifest, `${subject} (${manifest.kind} ${name})`),
  );
}

function podOf(manifest: Fields): Fields | null {
  const spec = fields(manifest.spec);
  const job = fields(fields(fields(spec.jobTemplate).spec).template).spec;
  const candidates = [fields(spec.template).spec, job, spec];
  const found = candidates.find((candidate) => Array.isArray(fields(candidate).containers));
  return found === undefined ? null : fields(found);
}

const SERVES = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Rollout'];

function factsOfContainer(
  container: Fields,
  pod: Fields,
  manifest: Fields,
  subject: string,
): Facts {
  const grace = pod.terminationGracePeriodSeconds;
  // Ports are for the reader alone: what is probed serves without them, too.
  const hasPorts = list(container.ports).length > 0 || container.livenessProbe !== undefined;
  const isServed = SERVES.includes(String(manifest.kind)) && hasPorts;
  const command = [...list(container.command), ...list(container.args)].map(String);
  const inShell = container.command !== undefined && isShellCommand(command);
  return {
    ...noFacts(subject, 'file'),
    env: environmentOf(container),
    command: command.length === 0 ? null : inShell ? [command[2] ?? ''] : command,
    isShellForm: inShell,
    platform: 'kubernetes',
    grace:
      typeof grace === 'number'
        ? { ms: grace * 1000, source: 'terminationGracePeriodSeconds' }
        : null,
    hasReadinessProbe: isServed ? container.readinessProbe !== undefined : null,
    probePaths: {
      readiness: pathOf(container.readinessProbe),
      liveness: pathOf(container.livenessProbe),
    },
    preStop: preStopOf(container),
  };
}

function isShellCommand([program = '', option = '', line = '']: readonly string[]): boolean {
  return /(^|\/)(ba|da|a)?sh$/.test(program) && /^-\w*c$/.test(option) && !/\bexec\s/.test(line);
}

function environmentOf(container: Fields): Record<string, string> {
  const pairs = list(container.env).flatMap((entry) => {
    const { name, value } = fields(entry);
    return typeof name === 'string' && value !== undefined ? [[name, String(value)]] : [];
  });
  return Object.fromEntries(pairs);
}

function pathOf(probe: unknown): string | null {
  const { path } = fields(fields(probe).httpGet);
  return typeof path === 'string' ? path : null;
}

/** A hook that sleeps delays the signal, out of the grace period. */
function preStopOf(container: Fields): Facts['preStop'] {
  const hook = fields(fields(container.lifecycle).preStop);
  const { seconds } = fields(hook.sleep);
  const command = list(fields(hook.exec).command).map(String).join(' ');
  const slept =
    typeof seconds === 'number' ? seconds : Number(/\bsleep\s+(\d+)/.exec(command)?.[1]);
  return Number.isFinite(slept) ? { ms: slept * 1000, source: 'preStop' } : null;
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

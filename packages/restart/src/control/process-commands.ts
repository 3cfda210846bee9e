import { hostname } from 'node:os';
import { basename, extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatEvent, LastcallError, type Lifecycle, type LifecycleEvent } from '@lastcall/proc';
import type { Restart } from '../restart';
import type {
  ControlRequest,
  DumpAnswer,
  ProcessStatus,
  ProfileAnswer,
  ReloadAnswer,
} from './protocol';

const MOST_PROFILE_MS = 600_000;

/** What the main thread does when it is asked. Between two requests nothing runs here. */
export class ProcessCommands {
  readonly #lifecycle: Lifecycle;
  readonly #restart: Restart;

  constructor(lifecycle: Lifecycle, restart: Restart) {
    this.#lifecycle = lifecycle;
    this.#restart = restart;
  }

  /** What the service is called. */
  get processName(): string {
    const { name } = this.#lifecycle.settings;
    const script = process.argv[1] ?? 'node';
    return name ?? (process.env.npm_package_name || basename(script, extname(script)));
  }

  run(
    request: ControlRequest,
    progress: (text: string) => void,
    signal: AbortSignal,
  ): Promise<unknown> {
    switch (request.command) {
      case 'status':
        return Promise.resolve(this.status());
      case 'dump':
        return this.#dump(request.awaits ?? 'auto');
      case 'profile':
        return this.#profile(request, signal);
      case 'reload':
        return this.#reload(progress);
      case 'stop':
        return this.#stop(progress);
      default:
        return Promise.reject(unknownCommand(request));
    }
  }

  status(): ProcessStatus {
    const { rss, heapUsed } = process.memoryUsage();
    return {
      role: 'service',
      process: {
        name: this.processName,
        pid: process.pid,
        host: hostname(),
        node: process.version,
        uptimeMs: Math.round(process.uptime() * 1000),
      },
      lifecycle: this.#lifecycle.status(),
      activities: this.#lifecycle.activities.list(0).counts,
      restart: this.#restart.isUsed ? this.#restart.status() : null,
      memory: { rssBytes: rss, heapUsedBytes: heapUsed },
      mainThread: { responsive: true, blockedMs: 0, stack: null },
    };
  }

  /** Not an async function: the dump would find it waiting for itself. */
  #dump(awaits: 'auto' | 'always' | 'never'): Promise<DumpAnswer> {
    return this.#lifecycle
      .dump({ reason: 'control', awaits })
      .then(({ text, json, files }) => ({ kind: 'full', text, json, files }));
  }

  async #profile(
    { forMs, kinds }: Extract<ControlRequest, { command: 'profile' }>,
    signal: AbortSignal,
  ): Promise<ProfileAnswer> {
    const maxMs = Math.min(Math.max(1, Number(forMs) || 0), MOST_PROFILE_MS);
    // Its own end comes later than ours, which has the result.
    await this.#lifecycle.startProfile({
      kinds,
      maxMs: Math.min(maxMs + 1000, MOST_PROFILE_MS),
      // Whoever asks by a command means it, also soon after the last one.
      force: true,
    });
    await delay(maxMs, undefined, { signal, ref: false }).catch(() => {});
    const result = await this.#lifecycle.stopProfile();
    return { files: result?.files ?? [], durationMs: result?.durationMs ?? 0, cpu: null };
  }

  async #reload(progress: (text: string) => void): Promise<ReloadAnswer> {
    if (!this.#restart.isUsed) throw notRestartable();
    const unwatch = this.#watch(['upgrade'], progress);
    try {
      const { pid } = await this.#restart.upgrade('lastcall reload');
      const drainMs = this.#lifecycle.settings.waitTimeMs;
      return { pids: [pid], draining: [process.pid], drainMs };
    } finally {
      unwatch();
    }
  }

  async #stop(progress: (text: string) => void): Promise<object> {
    const unwatch = this.#watch(['state', 'listenerEnd', 'hammer', 'forceQuit'], progress);
    const report = new Promise<object>((resolve) => {
      this.#lifecycle.events.once('report', ({ report }) => resolve(report));
    });
    void report.then(unwatch);
    const [signal = 'SIGTERM'] = this.#lifecycle.settings.stopSignals;
    if (this.#lifecycle.state === 'running') process.kill(process.pid, signal);
    return report;
  }

  #watch(types: readonly LifecycleEvent['type'][], progress: (text: string) => void): () => void {
    const tell = (event: LifecycleEvent): void => {
      const { text, details = '' } = formatEvent(event) ?? {};
      if (text !== undefined) for (const line of `${text}${details}`.split('\n')) progress(line);
    };
    const { events } = this.#lifecycle;
    for (const type of types) events.on(type, tell);
    return () => {
      for (const type of types) events.off(type, tell);
    };
  }
}

function notRestartable(): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_NOT_READY',
    'this process does not use @lastcall/restart: it cannot be replaced without downtime; run it under `lastcall run`',
  );
}

function unknownCommand(request: never): LastcallError {
  const { command } = request as { command: string };
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `there is no command '${command}' in this version of lastcall`,
  );
}

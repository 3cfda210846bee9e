import type { HealthStatus } from '../../protocol';
import type { MainThread, MainThreadState } from '../main-thread';
import { type Reply, text } from '../reply';
import type { Route, Visit } from '../route';

const OK = 'OK';
const UNAVAILABLE = 'Service Unavailable';

/**
 * Health checks.
 *
 * - `/livez`: 200 unless the main thread has been blocked for `liveLimitMs`. Also during a stop: a process that drains
 *   must not be restarted.
 * - `/readyz`, and go-zero's `/healthz`: 200 when ready. A short block changes nothing, the last known state counts; from
 *   `liveLimitMs` on it is 503.
 * - `/startupz`: 200 once it was seen ready.
 *
 * Names of probes are shown only to those who have the token, where there is one.
 */
export function probeRoutes(main: MainThread, liveLimitMs: number): [string, Route][] {
  async function look(): Promise<MainThreadState & { isStuck: boolean }> {
    const answer = await main.ask({ kind: 'health' });
    const state = main.state(answer !== undefined);
    return { ...state, isStuck: !state.responsive && state.blockedMs >= liveLimitMs };
  }

  async function live(): Promise<Reply> {
    const { isStuck, blockedMs } = await look();
    return isStuck ? unavailable([blocked(blockedMs)]) : text(OK);
  }

  async function ready({ isAuthorized }: Visit): Promise<Reply> {
    const { isStuck, responsive, blockedMs } = await look();
    const { health } = main.lastHealth;
    if (health.ready && !isStuck) return text(OK);
    const reasons = [...(responsive ? [] : [blocked(blockedMs)]), ...reasonsOf(health)];
    return unavailable(isAuthorized ? reasons : []);
  }

  async function started(): Promise<Reply> {
    await look();
    return main.hasBeenReady ? text(OK) : unavailable(['it has not been ready yet']);
  }

  return [
    ['/livez', { isOpen: true, answer: live }],
    ['/readyz', { isOpen: true, answer: ready }],
    ['/healthz', { isOpen: true, answer: ready }],
    ['/startupz', { isOpen: true, answer: started }],
  ];
}

function unavailable(reasons: readonly string[]): Reply {
  return text([UNAVAILABLE, ...reasons, ''].join('\n'), 503);
}

function blocked(ms: number): string {
  return `the main thread has not answered for ${ms} ms`;
}

function reasonsOf({ stopping, probes }: HealthStatus): string[] {
  const lines = probes.map(({ name, ready }) => `${name} is ${ready ? 'ready' : 'not ready'}`);
  if (stopping) return ['the process is stopping', ...lines];
  return lines.length === 0 ? ['there is no probe'] : lines;
}

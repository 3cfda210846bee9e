import { describe } from './check-options';
import { LastcallError } from './lastcall-error';

/** One named condition of readiness; not ready until it is marked so. */
export interface Probe {
  readonly name: string;
  markReady(): void;
  markNotReady(): void;
  isReady(): boolean;
  /** Takes the probe out: readiness no longer depends on it. */
  remove(): void;
}

/** The readiness of the process and of each probe. */
export interface HealthStatus {
  readonly ready: boolean;
  /** True from the first instant of a stop. */
  readonly stopping: boolean;
  readonly probes: readonly { readonly name: string; readonly ready: boolean }[];
}

/** Named probes, and the readiness of the process that follows from them. */
export interface Health {
  /**
   * Adds a probe.
   * @throws LastcallError `LASTCALL_BAD_PROBE` when `name` is empty or taken
   */
  addProbe(name: string): Probe;
  /** Ready when there is at least one probe, all are ready, and no stop has begun. */
  isReady(): boolean;
  /** Readiness with the state of each probe. */
  check(): HealthStatus;
}

/** Makes the health of a lifecycle; `isStopping` says whether its stop has begun. */
export function createHealth(isStopping: () => boolean): Health {
  const probes = new Map<string, Probe>();

  function addProbe(name: string): Probe {
    if (typeof name !== 'string' || name === '') {
      throw new LastcallError(
        'LASTCALL_BAD_PROBE',
        `a probe needs a non-empty name, got ${describe(name)}`,
      );
    }
    if (probes.has(name)) {
      throw new LastcallError(
        'LASTCALL_BAD_PROBE',
        `there is a probe named '${name}' already; choose another name`,
      );
    }
    const probe = createProbe(name, () => {
      if (probes.get(name) === probe) probes.delete(name);
    });
    probes.set(name, probe);
    return probe;
  }

  function isReady(): boolean {
    return (
      !isStopping() && probes.size > 0 && [...probes.values()].every((probe) => probe.isReady())
    );
  }

  function check(): HealthStatus {
    const list = [...probes.values()].map((probe) => ({
      name: probe.name,
      ready: probe.isReady(),
    }));
    return { ready: isReady(), stopping: isStopping(), probes: list };
  }

  return Object.freeze({ addProbe, isReady, check });
}

function createProbe(name: string, remove: () => void): Probe {
  let ready = false;
  return Object.freeze({
    name,
    markReady: () => {
      ready = true;
    },
    markNotReady: () => {
      ready = false;
    },
    isReady: () => ready,
    remove,
  });
}

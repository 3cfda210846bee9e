import type { Facts } from './facts';
import type { Finding } from './finding';
import { areTimesKnown, isTimeKnown, numberOf, timesOf } from './times';

/** Whoever starts containers kills them after this when nothing else was said, in milliseconds. */
const DEFAULT_GRACE: Readonly<Record<string, number>> = {
  kubernetes: 30_000,
  docker: 10_000,
  compose: 10_000,
  systemd: 90_000,
  pm2: 1600,
};

/** Endpoints of a cluster take this long to be up to date everywhere, in milliseconds. */
const CLUSTER_HOLD_MS = 5000;

/** What is wrong with the times of a stop. */
export function timeRules(facts: Facts): Finding[] {
  return [...order(facts), ...grace(facts), ...hold(facts)];
}

function order(facts: Facts): Finding[] {
  const { wrapUpTimeMs, hammerTimeMs, waitTimeMs } = timesOf(facts);
  if (wrapUpTimeMs < hammerTimeMs && hammerTimeMs < waitTimeMs) return [];
  const names = ['wrapUpTimeMs', 'hammerTimeMs', 'waitTimeMs'] as const;
  const isSure = names.every((name) => isTimeKnown(facts, name));
  const doubt = isSure ? '' : ', unless proc.setup() sets the others';
  return [
    {
      rule: 'times-in-order',
      severity: 'problem',
      text: `wrapUpTimeMs ${wrapUpTimeMs} < hammerTimeMs ${hammerTimeMs} < waitTimeMs ${waitTimeMs} does not hold: the process will not start (LASTCALL_BAD_TIMES)${doubt}`,
      advice:
        'set all three of LASTCALL_WRAP_UP_TIME_MS, LASTCALL_HAMMER_TIME_MS and LASTCALL_WAIT_TIME_MS',
    },
  ];
}

function grace(facts: Facts): Finding[] {
  const given = graceOf(facts);
  if (given === null) return [];
  const { waitTimeMs } = timesOf(facts);
  const left = given.ms - (facts.preStop?.ms ?? 0);
  const spent =
    facts.preStop === null ? '' : `, of which ${facts.preStop.source} takes ${facts.preStop.ms} ms`;
  if (waitTimeMs < left) return unsaid(facts, given);
  const doubt = isTimeKnown(facts, 'waitTimeMs') ? '' : ', unless the program sets it,';
  return [
    {
      rule: 'grace-period',
      severity: 'problem',
      text: `the process is killed after ${given.ms} ms (${given.source})${spent}, and waitTimeMs${doubt} is ${waitTimeMs}: what is in flight is lost, and there will be no report`,
      advice: `a longer grace period, or a LASTCALL_WAIT_TIME_MS below ${left}`,
    },
  ];
}

function graceOf({ grace: said, env, platform }: Facts): Facts['grace'] {
  if (said !== null) return said;
  const ms = numberOf(env.LASTCALL_GRACE_PERIOD_MS);
  if (ms !== null) return { ms, source: 'LASTCALL_GRACE_PERIOD_MS' };
  const byDefault = platform === null ? undefined : DEFAULT_GRACE[platform];
  return byDefault === undefined ? null : { ms: byDefault, source: `the default of ${platform}` };
}

/** The process warns by itself, where it is told. */
function unsaid(
  { env, platform, kind }: Facts,
  { ms, source }: { ms: number; source: string },
): Finding[] {
  const said = numberOf(env.LASTCALL_GRACE_PERIOD_MS);
  if (said !== null && said > ms) {
    return [
      {
        rule: 'grace-period',
        severity: 'warning',
        text: `LASTCALL_GRACE_PERIOD_MS says ${said}, but the process is killed after ${ms} ms (${source})`,
        advice: `set LASTCALL_GRACE_PERIOD_MS=${ms}`,
      },
    ];
  }
  if (said !== null || platform !== 'kubernetes' || kind !== 'file') return [];
  return [
    {
      rule: 'grace-period-unsaid',
      severity: 'hint',
      text: `the process does not know its grace period (${ms} ms, ${source}), so it cannot warn when waitTimeMs is raised`,
      advice: `set LASTCALL_GRACE_PERIOD_MS=${ms} in its environment`,
    },
  ];
}

function hold(facts: Facts): Finding[] {
  const { wrapUpTimeMs } = timesOf(facts);
  const isCluster = facts.platform === 'kubernetes';
  if (wrapUpTimeMs === 0) {
    return [
      {
        rule: 'readiness-hold',
        severity: isCluster ? 'problem' : 'warning',
        text: 'there is no hold (wrapUpTimeMs is 0): the socket closes while load balancers still send requests, which are refused',
        advice: 'hold for longer than the balancer takes to notice: LASTCALL_WRAP_UP_TIME_MS',
      },
    ];
  }
  if (!isCluster || wrapUpTimeMs >= CLUSTER_HOLD_MS) return [];
  const known = areTimesKnown(facts) ? '' : ', unless the program sets it,';
  return [
    {
      rule: 'readiness-hold',
      severity: 'warning',
      text: `the hold (wrapUpTimeMs)${known} is ${wrapUpTimeMs} ms; endpoints of a cluster may need more to be up to date`,
      advice:
        '5 to 10 seconds are safe: LASTCALL_WRAP_UP_TIME_MS=8000, with the other times and the grace period to match',
    },
  ];
}

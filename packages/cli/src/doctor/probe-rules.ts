import type { Facts } from './facts';
import type { Finding } from './finding';

/** What is wrong with how the platform asks whether the process is ready, and alive. */
export function probeRules(facts: Facts): Finding[] {
  return [...readiness(facts), ...liveness(facts)];
}

const ON_READYZ =
  'a readinessProbe on /readyz (healthHandler() of @lastcall/http, or the devserver)';

function readiness({ hasReadinessProbe, probePaths }: Facts): Finding[] {
  const problem = { rule: 'readiness-probe', severity: 'problem', advice: ON_READYZ } as const;
  if (hasReadinessProbe === false)
    return [
      {
        ...problem,
        text: 'there is no readiness probe: traffic is sent before the service is ready',
      },
    ];
  if (probePaths.readiness !== '/livez') return [];
  const text =
    'the readiness probe asks /livez, which says yes before the service is ready, and while it stops';
  return [{ ...problem, text }];
}

function liveness({ probePaths }: Facts): Finding[] {
  if (probePaths.liveness !== '/readyz') return [];
  return [
    {
      rule: 'liveness-probe',
      severity: 'warning',
      text: 'the liveness probe asks /readyz: a service that is not ready for a while, as its database is not, is restarted, and what is in flight is lost',
      advice: 'a livenessProbe on /livez, which says yes as long as the process answers',
    },
  ];
}

import { environmentRules } from './environment-rules';
import type { Facts } from './facts';
import type { Finding } from './finding';
import { probeRules } from './probe-rules';
import { processRules } from './process-rules';
import { timeRules } from './time-rules';

/** What was looked at, and what will go wrong. */
export interface Diagnosis {
  readonly subject: string;
  readonly findings: readonly Finding[];
}

const ORDER: readonly Finding['severity'][] = ['problem', 'warning', 'hint'];

/** Says what will go wrong, worst first. */
export function examine(facts: Facts): Diagnosis {
  const findings = [
    ...probeRules(facts),
    ...timeRules(facts),
    ...processRules(facts),
    ...environmentRules(facts),
  ];
  findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return { subject: facts.subject, findings };
}

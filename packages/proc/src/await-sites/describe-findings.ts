import type { AwaitFrame, AwaitSites, CodePosition } from './await-sites';
import { isNodeInternal } from './code-positions';
import { groupAwaits } from './group-awaits';
import { findManyListeners } from './listener-sites';
import type { AwaitPosition } from './locate-awaits';
import { isOwnFile } from './own-files';
import type { Findings } from './read-heap';
import { findResources } from './resource-sites';
import { buildStacks } from './stacks';
import type { Suspended } from './suspended-functions';
import { createToSource } from './to-source';
import { WaitFinder } from './wait-finder';
import { WaitTokens } from './wait-tokens';

export interface DescribeOptions {
  readonly located: ReadonlyMap<Suspended, AwaitPosition>;
  /** `performance.now()` of the snapshot. */
  readonly now: number;
  readonly maxGroups: number;
}

export type Described = Pick<
  AwaitSites,
  'suspended' | 'groups' | 'omittedGroups' | 'resources' | 'listeners'
> & {
  /** How many functions are given with the line of their definition. */
  readonly unlocated: number;
};

/** Says in words and positions of the source what was found in a heap. */
export function describeFindings(findings: Findings, options: DescribeOptions): Described {
  const { graph, positions, suspended } = findings;
  const toSource = createToSource();
  const frames = new Map<Suspended, AwaitFrame>();
  for (const each of suspended) {
    const definition = positions.ofFunction(each.closure);
    if (definition === undefined || isOwnFile(definition.file)) continue;
    const position = options.located.get(each) ?? { line: definition.line, column: null };
    const running = { ...definition, ...position };
    frames.set(each, { ...(toSource(running) ?? named(running)), kind: each.kind });
  }
  const tokens = new WaitTokens(graph, findings.tokens);
  const waits = new WaitFinder(graph, tokens, findings.ignored, (closure) =>
    isNodeInternal(positions.ofFunction(closure)?.file ?? ''),
  );
  const { groups, omitted } = groupAwaits(buildStacks(suspended), {
    frameOf: (each) => frames.get(each),
    waitOf: (each) => waits.find(each.awaited),
    now: options.now,
    maxGroups: options.maxGroups,
  });
  const sources = { graph, positions, toSource, yes: findings.yes };
  return {
    suspended: frames.size,
    groups,
    omittedGroups: omitted,
    resources: findResources(findings.resources, sources),
    listeners: findManyListeners(findings.emitters, sources),
    unlocated: [...frames.keys()].filter((each) => !options.located.has(each)).length,
  };
}

/** Code of `eval()` and `new Function()` has no file. */
function named({ functionName, file, ...at }: CodePosition): CodePosition {
  return { functionName: functionName || '(anonymous)', file: file || '[evaluated]', ...at };
}

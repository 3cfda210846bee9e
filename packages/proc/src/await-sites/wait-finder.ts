import type { WaitingOn } from './await-sites';
import { type EdgeKind, type HeapGraph, NONE } from './heap-graph';
import { isPromise, isReaction } from './promise-links';
import type { FoundToken, WaitTokens } from './wait-tokens';

/** What a suspended function waits for, and since when, where that is known (as `performance.now()`). */
export interface FoundWait extends WaitingOn {
  readonly since: number | null;
}

/** Classes that say by their name what will settle a promise. Native ones are called `Node / <name>` too. */
const TELLING =
  /^(Timeout|Immediate|Socket|TLSSocket|TCP|Pipe|Server|ClientRequest|IncomingMessage|ServerResponse|FSReqCallback|FSReqPromise|GetAddrInfoReqWrap|FileHandle|ReadStream|WriteStream|ChildProcess|Worker|MessagePort|BroadcastChannel|FSWatcher|AbortSignal|EventTarget|Interface|Gzip|Gunzip|\w*Http2\w+|\w*ReadableStream\w*|\w*WritableStream\w*|\w*EventEmitter|\w+Wrap)$/;

/** Queues of Node's own, as behind `events.on()`: what is waited for is what fills them. */
const NODES_QUEUE = /^(FixedQueue|FixedCircularBuffer)$/;

const MAX_STEPS = 3000;
const MAX_DEPTH = 24;
/** A scope that so many functions share says nothing about one of them. */
const MAX_SHARERS = 64;
/** How far out a token may be from the scope of a resolve function. */
const MAX_SCOPES = 3;

/**
 * Finds what will settle a promise: it walks from the promise to its resolve function, and from there to whatever
 * holds that. A `WaitToken` on the way is exact; a class or a named queue is a guess, the nearest first.
 */
export class WaitFinder {
  readonly #graph: HeapGraph;
  readonly #tokens: WaitTokens;
  readonly #ignored: ReadonlySet<number>;
  readonly #isNodesFunction: (closure: number) => boolean;
  readonly #nodesScopes = new Map<number, boolean>();
  readonly #known = new Map<number, FoundWait>();
  readonly #knownEvents = new Map<number, boolean>();

  /** `ignored`: generators, and what the search itself holds. `isNodesFunction`: whether a closure is Node's own. */
  constructor(
    graph: HeapGraph,
    tokens: WaitTokens,
    ignored: ReadonlySet<number>,
    isNodesFunction: (closure: number) => boolean,
  ) {
    this.#isNodesFunction = isNodesFunction;
    this.#graph = graph;
    this.#tokens = tokens;
    this.#ignored = ignored;
  }

  /** What will settle `promise`. */
  find(promise: number): FoundWait {
    const known = this.#known.get(promise);
    if (known !== undefined) return known;
    const found = this.#search(promise);
    this.#known.set(promise, found);
    return found;
  }

  #search(promise: number): FoundWait {
    const graph = this.#graph;
    const queue: Step[] = [{ node: promise, depth: 0, via: NONE }];
    const seen = new Set([promise]);
    let weakest: FoundWait | undefined;
    for (let at = 0; at < queue.length; at++) {
      const step = queue[at] as Step;
      const token = this.#tokenAt(step.node);
      if (token !== undefined) return { ...token, confidence: 'exact' };
      const told = this.#tell(step);
      if (told?.isLast === true) return heuristic(told.what);
      if (told !== undefined) weakest ??= heuristic(told.what);
      if (at > MAX_STEPS || step.depth >= MAX_DEPTH) return weakest ?? UNKNOWN;
      if (this.#isShared(step.node)) continue;
      graph.forRetainers(step.node, (node, via) => {
        if (seen.size > MAX_STEPS) return false;
        if (seen.has(node) || !this.#leadsOn(step.node, node, via)) return true;
        seen.add(node);
        queue.push({ node, depth: step.depth + 1, via });
        return true;
      });
    }
    return weakest ?? this.#holder(promise) ?? NOTHING;
  }

  /** The token next to a node: in the same entry, or in the same scope or those around it. */
  #tokenAt(node: number): FoundToken | undefined {
    const graph = this.#graph;
    let scope = node;
    for (let level = 0; level < MAX_SCOPES && scope !== NONE; level++) {
      const token = this.#tokens.heldBy(scope);
      if (token !== undefined) return token;
      if (graph.name(scope) !== 'system / Context' || this.#isShared(scope)) return undefined;
      scope = graph.follow(scope, 'previous');
    }
    return undefined;
  }

  /** Whether `retainer` may settle what `node` stands for, rather than wait for it. */
  #leadsOn(node: number, retainer: number, edge: number): boolean {
    const graph = this.#graph;
    if (this.#ignored.has(retainer)) return false;
    const kind = graph.edgeKind(edge);
    if (kind === 'weak' || kind === 'shortcut') return false;
    const name = graph.name(retainer);
    if (graph.type(retainer) === 'synthetic' || name === 'system / NativeContext') return false;
    if (isPromise(graph, node)) return settles(graph, retainer, name, kind);
    if (isPromise(graph, retainer)) return isReaction(graph, node);
    // The registers of a function that is suspended, and code that mentions a function.
    if (name.startsWith('system / ')) {
      return name === 'system / Context' || name.startsWith('system / Promise');
    }
    return graph.type(retainer) !== 'code' && !this.#holdsRegisters(retainer);
  }

  #holdsRegisters(node: number): boolean {
    if (this.#graph.type(node) !== 'array') return false;
    let isHeld = false;
    this.#graph.forRetainers(node, (retainer, edge) => {
      isHeld = this.#graph.edgeName(edge) === 'parameters_and_registers';
      return !isHeld && retainer !== NONE;
    });
    return isHeld;
  }

  #isShared(node: number): boolean {
    const graph = this.#graph;
    return graph.name(node) === 'system / Context' && graph.retainerCount(node) > MAX_SHARERS;
  }

  /** What a node on the way says of the wait. */
  #tell({ node, via }: Step): { readonly what: string; readonly isLast: boolean } | undefined {
    const graph = this.#graph;
    const type = graph.type(node);
    if (type !== 'object' && type !== 'native') return undefined;
    const name = graph.name(node).replace(/^Node \/ /, '');
    if (name === 'Array' || name === 'Map' || name === 'Set')
      return this.#tellContainer(node, name);
    if (isPlain(name) || NODES_QUEUE.test(name) || isPromise(graph, node)) return undefined;
    if (TELLING.test(name) || graph.follow(node, '_events') !== NONE) {
      return { what: name, isLast: true };
    }
    const property = via === NONE ? '' : keyOf(graph, via);
    return { what: /^[a-z]\w*$/i.test(property) ? `${property} of ${name}` : name, isLast: false };
  }

  /** A queue is known by the property or variable that holds it. Listeners of an emitter are not a queue. */
  #tellContainer(node: number, type: string): { what: string; isLast: boolean } | undefined {
    const graph = this.#graph;
    const names: string[] = [];
    let isEvents = false;
    graph.forRetainers(node, (holder, edge) => {
      const kind = graph.edgeKind(edge);
      if (this.#ignored.has(holder) || (kind !== 'context' && kind !== 'property')) return true;
      const key = keyOf(graph, edge);
      const owner = graph.name(holder);
      if (NODES_QUEUE.test(owner) || (kind === 'context' && this.#isNodesScope(holder)))
        return true;
      isEvents ||= key === 'kEvents' || (kind === 'property' && this.#isEvents(holder));
      // The order is that of preference: of a class, in a scope, in any object.
      if (!isPlain(owner)) names.push(`0${type} ${key} of ${owner}`);
      else if (kind === 'context') names.push(`1${type} ${key}`);
      else names.push(isWritten(key) ? `2${type} ${key}` : `3${type} in an object`);
      return true;
    });
    const best = names.sort()[0];
    return isEvents || best === undefined ? undefined : { what: best.slice(1), isLast: true };
  }

  /** Whether the variables of a scope are those of a function of Node. */
  #isNodesScope(scope: number): boolean {
    const known = this.#nodesScopes.get(scope);
    if (known !== undefined) return known;
    let isNodes = false;
    this.#graph.forRetainers(scope, (closure, edge) => {
      if (this.#graph.edgeName(edge) !== 'context' || this.#graph.type(closure) !== 'closure')
        return true;
      isNodes = this.#isNodesFunction(closure);
      return false;
    });
    this.#nodesScopes.set(scope, isNodes);
    return isNodes;
  }

  /** Looked up once: what holds a queue may itself be held by thousands. */
  #isEvents(node: number): boolean {
    const known = this.#knownEvents.get(node);
    if (known !== undefined) return known;
    let isEvents = false;
    this.#graph.forRetainers(node, (_, edge) => {
      isEvents ||= this.#graph.edgeName(edge) === '_events';
      return !isEvents;
    });
    this.#knownEvents.set(node, isEvents);
    return isEvents;
  }

  /** Native requests hold the promise itself. */
  #holder(promise: number): FoundWait | undefined {
    const graph = this.#graph;
    let found: FoundWait | undefined;
    graph.forRetainers(promise, (holder) => {
      const name = graph.name(holder).replace(/^Node \/ /, '');
      if (!this.#ignored.has(holder) && TELLING.test(name)) found ??= heuristic(name);
      return found === undefined;
    });
    return found;
  }
}

interface Step {
  readonly node: number;
  readonly depth: number;
  /** The edge it was reached by. */
  readonly via: number;
}

const UNKNOWN: FoundWait = heuristic('unknown');
const NOTHING: FoundWait = heuristic('nothing that could settle it');

function heuristic(what: string): FoundWait {
  return { what, confidence: 'heuristic', since: null };
}

/** What holds a promise mostly waits for it; these settle it: the promise before it, and its resolve functions. */
function settles(graph: HeapGraph, retainer: number, name: string, kind: EdgeKind): boolean {
  if (kind !== 'hidden') return false;
  if (isReaction(graph, retainer) || name === 'system / PromiseCapability') return true;
  return name === 'system / Context';
}

/** The name of a variable or property; of a symbol its description. */
function keyOf(graph: HeapGraph, edge: number): string {
  return graph.edgeName(edge).replace(/^<symbol (.*)>$/, '$1');
}

/** Whether somebody has written a key into code: others are values, such as the id of a user. */
function isWritten(key: string): boolean {
  const isToken = key.length > 40 || (key.length >= 16 && /\d/.test(key));
  return /^[a-z_$][\w$]*$/i.test(key) && !isToken;
}

function isPlain(name: string): boolean {
  return name === 'Object' || name === '' || /^(system \/ |\(|global\b)/.test(name);
}

import type { Session } from 'node:inspector';

/** The part of the inspector that is used here. Its session is our own: those of others do not notice. */
export class HeapSession {
  readonly #session: Session;

  /** Throws under `--permission`, and where Node was built without the inspector. */
  constructor() {
    // Not every Node has the module.
    const inspector = require('node:inspector') as typeof import('node:inspector');
    this.#session = new inspector.Session();
    this.#session.connect();
  }

  /** Hands all live promises of the program to `take`, in the same moment. */
  async takePromises(take: (promises: readonly Promise<unknown>[]) => void): Promise<void> {
    const key = `__lastcall_promises_${process.pid}`;
    const { result } = await this.#post<Evaluated>('Runtime.evaluate', {
      expression: 'Promise.prototype',
      objectGroup: GROUP,
    });
    const { objects } = await this.#post<Queried>('Runtime.queryObjects', {
      prototypeObjectId: result.objectId,
      objectGroup: GROUP,
    });
    Object.defineProperty(globalThis, key, { value: take, configurable: true });
    try {
      await this.#post('Runtime.callFunctionOn', {
        objectId: objects.objectId,
        functionDeclaration: `function () { globalThis['${key}'](this); }`,
      });
    } finally {
      Reflect.deleteProperty(globalThis, key);
    }
  }

  /**
   * Makes V8 note where the lines of each script begin, where a snapshot would otherwise count them from the start of the
   * script for every function in it: a program that has the TypeScript compiler loaded stopped for 25 s instead of 1.
   * Later V8s do so by themselves. Debuggers of others do not notice.
   */
  async noteLines(): Promise<void> {
    if (!COUNTS_LINES_PER_FUNCTION) return;
    await this.#post('Debugger.enable', {});
    await this.#post('Debugger.disable', {});
  }

  /** Where the generator with this node id is suspended. Walks over the whole heap: some 0.3 µs per object of it. */
  async generatorLocation(id: number): Promise<{ line: number; column: number } | undefined> {
    try {
      const { result } = await this.#post<Evaluated>('HeapProfiler.getObjectByHeapObjectId', {
        objectId: String(id),
        objectGroup: GROUP,
      });
      const { internalProperties = [] } = await this.#post<Properties>('Runtime.getProperties', {
        objectId: result.objectId,
        ownProperties: true,
      });
      const read = (name: string): unknown =>
        internalProperties.find((property) => property.name === name)?.value?.value;
      const location = read('[[GeneratorLocation]]') as Position | undefined;
      if (read('[[GeneratorState]]') !== 'suspended' || location === undefined) return undefined;
      return { line: location.lineNumber + 1, column: location.columnNumber + 1 };
    } catch {
      // It is gone by now.
      return undefined;
    }
  }

  /** Lets go of every object, and of the object ids that V8 keeps up to date from the first snapshot on. */
  close(): void {
    this.#session.post('Runtime.releaseObjectGroup', { objectGroup: GROUP });
    this.#session.disconnect();
  }

  #post<T>(method: string, params: object): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, params, (error, value) => {
        if (error === null) resolve(value as T);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }
}

/** Node 20. */
const COUNTS_LINES_PER_FUNCTION = Number.parseInt(process.versions.v8, 10) < 12;

const GROUP = '@lastcall/proc.await-sites';

interface Evaluated {
  readonly result: { readonly objectId: string };
}

interface Queried {
  readonly objects: { readonly objectId: string };
}

interface Properties {
  readonly internalProperties?: readonly {
    readonly name: string;
    readonly value?: { readonly value?: unknown };
  }[];
}

interface Position {
  readonly lineNumber: number;
  readonly columnNumber: number;
}

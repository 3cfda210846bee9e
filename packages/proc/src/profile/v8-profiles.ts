/** A profile that `node:v8` records: `stop()` gives it as JSON. */
export interface V8Handle {
  stop(): string | undefined;
}

/** How `node:v8` records profiles on versions that do: without the inspector, so also under `--permission`. */
export interface V8Profiles {
  /** Node 24.12. Options are of Node 26; where they are unknown V8's own interval holds, some 1 ms. */
  startCpuProfile?(options: { readonly sampleInterval: number }): V8Handle;
  /** Node 26. Throws when somebody samples the heap already. */
  startHeapProfile?(options: { readonly sampleInterval: number }): V8Handle;
}

/** The part of `node:v8` that is not in every version we run on. */
export function v8Profiles(): V8Profiles {
  return require('node:v8') as V8Profiles;
}

// Loads one module in a fresh process and prints what that cost. Imports nothing itself: it would be loaded already.
const [, , specifier = '', kind, ...preload] = process.argv;

/** What loading a module cost. */
export interface ImportCost {
  readonly ms: number;
  readonly heapBytes: number;
}

function usedHeap(): number {
  global.gc?.();
  global.gc?.();
  return process.memoryUsage().heapUsed;
}

async function measure(): Promise<ImportCost> {
  for (const each of preload) require(each);
  const before = usedHeap();
  const startedAt = process.hrtime.bigint();
  if (kind === 'esm') await import(specifier);
  else require(specifier);
  const endedAt = process.hrtime.bigint();
  return { ms: Number(endedAt - startedAt) / 1e6, heapBytes: usedHeap() - before };
}

void measure().then((cost) => {
  process.stdout.write(JSON.stringify(cost));
});

/**
 * Calls `measure` for every name, round after round (A B C, B C A, …), so that what changes on the machine changes for
 * all of them alike, and nobody is always first.
 */
export async function inTurns<Name extends string, Value>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name, round: number) => Promise<Value>,
): Promise<Record<Name, Value[]>> {
  const values = Object.fromEntries(names.map((name) => [name, [] as Value[]]));
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      values[name]?.push(await measure(name, round));
    }
  }
  return values as Record<Name, Value[]>;
}

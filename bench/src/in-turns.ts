/**
 * Calls `measure` for every name, round after round, so that what changes on the machine changes for all of them alike. Over the
 * rounds each is first equally often, and comes behind each of the others equally often: what one leaves behind, as garbage, is not
 * always at the expense of the same.
 */
export async function inTurns<Name extends string, Value>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name, round: number) => Promise<Value>,
): Promise<Record<Name, Value[]>> {
  const values = Object.fromEntries(names.map((name) => [name, [] as Value[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of inOrderOf(names, round)) values[name]?.push(await measure(name, round));
  }
  return values as Record<Name, Value[]>;
}

/** A row of a balanced Latin square (Williams): 0, 1, n - 1, 2, n - 2, …, shifted by one each round; of an odd number also backwards. */
function inOrderOf<Name>(names: readonly Name[], round: number): Name[] {
  const n = names.length;
  const row = names.map((_, i) => {
    const step = i % 2 === 1 ? (i + 1) / 2 : n - i / 2;
    return names[(step + round) % n] as Name;
  });
  return n % 2 === 1 && Math.floor(round / n) % 2 === 1 ? row.reverse() : row;
}

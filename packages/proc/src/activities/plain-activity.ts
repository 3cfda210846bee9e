import type { Activity } from './activity';

/** More of a name than anybody reads. */
const LONGEST_TEXT = 300;

type PlainActivity = { -readonly [K in keyof Activity]: Activity[K] };

/** A copy of what a source tells, which may work out a field only when it is asked for. */
export function plainActivity(activity: Activity): Activity {
  const { kind, name, ageMs } = activity;
  const plain = { kind: bounded(kind), name: bounded(name), ageMs };
  try {
    return withDetails(plain, activity);
  } catch {
    return plain;
  }
}

/** Field by field: a spread takes a microsecond where V8 has not compiled it. */
function withDetails(
  { kind, name, ageMs }: Activity,
  { owner, state, peer, ageAtLeast }: Activity,
): Activity {
  const plain: PlainActivity = { kind, name, ageMs };
  if (ageAtLeast === true) plain.ageAtLeast = ageAtLeast;
  if (typeof owner === 'string') plain.owner = bounded(owner);
  if (typeof state === 'string') plain.state = bounded(state);
  if (typeof peer === 'string') plain.peer = bounded(peer);
  return plain;
}

function bounded(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

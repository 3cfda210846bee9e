import type { Activity } from './activity';

/** More of a name than anybody reads. */
const LONGEST_TEXT = 300;

/** A copy of what a source tells, which may work out a field only when it is asked for. */
export function plainActivity(activity: Activity): Activity {
  const { kind, name, ageMs } = activity;
  const plain = { kind: bounded(kind), name: bounded(name), ageMs };
  try {
    const { owner, state, peer, ageAtLeast } = activity;
    const age = ageAtLeast === true ? { ageAtLeast } : {};
    return { ...plain, ...age, ...withText({ owner, state, peer }) };
  } catch {
    return plain;
  }
}

type Details = Pick<Activity, 'owner' | 'state' | 'peer'>;

function withText({ owner, state, peer }: Details): Details {
  return {
    ...(typeof owner === 'string' ? { owner: bounded(owner) } : {}),
    ...(typeof state === 'string' ? { state: bounded(state) } : {}),
    ...(typeof peer === 'string' ? { peer: bounded(peer) } : {}),
  };
}

function bounded(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

import type { Activity } from '../activities/activity';

/** More of a name than anybody reads. */
const LONGEST_TEXT = 300;

/** A copy of what a source tells, which may work out a field only when it is asked for. */
export function plainActivity(activity: Activity): Activity {
  const { kind, name, ageMs } = activity;
  const plain = { kind: bounded(kind), name: bounded(name), ageMs };
  try {
    const { owner, state, peer } = activity;
    return { ...plain, ...withText({ owner, state, peer }) };
  } catch {
    return plain;
  }
}

type Details = Pick<Activity, 'owner' | 'state' | 'peer'>;

function withText(details: Details): Details {
  const texts = Object.entries(details).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(texts.map(([name, value]) => [name, bounded(value as string)]));
}

function bounded(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

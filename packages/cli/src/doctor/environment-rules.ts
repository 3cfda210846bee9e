import type { Facts } from './facts';
import type { Finding } from './finding';
import { numberOf } from './times';

type Kind = 'ms' | 'text' | readonly string[];

/** Every variable that lastcall reads. */
const VARIABLES: Readonly<Record<string, Kind>> = {
  LASTCALL_WRAP_UP_TIME_MS: 'ms',
  LASTCALL_HAMMER_TIME_MS: 'ms',
  LASTCALL_WAIT_TIME_MS: 'ms',
  LASTCALL_GRACE_PERIOD_MS: 'ms',
  LASTCALL_WATCHDOG_MS: 'ms',
  LASTCALL_READY_TIMEOUT_MS: 'ms',
  LASTCALL_BAKE_MS: 'ms',
  LASTCALL_KILL_TIMEOUT_MS: 'ms',
  LASTCALL_EXIT: ['signal', 'code', 'none'],
  LASTCALL_SECOND_SIGNAL: ['kill', 'hammer', 'ignore'],
  LASTCALL_FATAL_ERRORS: ['true', 'false'],
  LASTCALL_CONTROL_DIR: 'text',
  LASTCALL_PID_FILE: 'text',
  LASTCALL_NAME: 'text',
  LASTCALL_DUMP_DIR: 'text',
  LASTCALL_DUMP_SIGNAL: 'text',
  LASTCALL_PROFILE_SIGNAL: 'text',
  LASTCALL_REPORT: 'text',
  LASTCALL_LOG_PID: ['0', '1'],
};

/** What later versions, and the packages on top, may read. */
const OTHERS = /^LASTCALL_(DEVSERVER|UPGRADE|MAX|CHECK|HANDOVER|HOOK|REQUIRE|SKIP|TEST|NOTIFY)/;

/** What is wrong with variables of the environment. */
export function environmentRules({ env }: Facts): Finding[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    if (!name.startsWith('LASTCALL_') || OTHERS.test(name)) return [];
    const kind = VARIABLES[name];
    return kind === undefined ? [unknown(name)] : wrongValue(name, kind, value.trim());
  });
}

function unknown(name: string): Finding {
  const near = Object.keys(VARIABLES).find((known) => distance(known, name) <= 3);
  return {
    rule: 'unknown-variable',
    severity: 'warning',
    text: `${name} is no variable of lastcall: it changes nothing`,
    advice: near === undefined ? 'see docs/lifecycle.md for those there are' : `is ${near} meant?`,
  };
}

function wrongValue(name: string, kind: Kind, value: string): Finding[] {
  const isFine =
    value === '' ||
    kind === 'text' ||
    (kind === 'ms' ? numberOf(value) !== null : kind.includes(value));
  if (isFine) return [];
  const allowed =
    kind === 'ms' ? 'a number of milliseconds' : (kind as readonly string[]).join(', ');
  return [
    {
      rule: 'bad-variable',
      severity: 'problem',
      text: `${name} is '${value}': the process will not start (LASTCALL_BAD_ENVIRONMENT)`,
      advice: `it must be ${allowed}`,
    },
  ];
}

/** Levenshtein's, for words this short. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const SECRET_WORD =
  'pass|pwd|secret|token|key|auth|cred|cookie|session|dsn|jwt|bearer|private|signature|webhook|conn(?:ection)?[-_]?str';
const SECRET_NAME = new RegExp(`${SECRET_WORD}|^-{0,2}(?:proxy-)?user$`, 'i');
/** Up to the last `@`: a password may have any character in it. */
const PASSWORD_IN_URL = /(\w:\/\/[^\s/:@]*):\S*@/g;
/** `https://<token>@host`; of databases this is the name of a user. */
const USER_IN_WEB_URL = /(\bhttps?:\/\/)[^\s/:@]+@/gi;
/** `name:password@` without a scheme. */
const PASSWORD_AT = /^([^\s/:@=]+):[^\s/]*@/;
const SECRET_PARAMETER = new RegExp(
  `([?&;,=\\s][^=&;\\s]*(?:${SECRET_WORD}|sig)[^=&;\\s]*=)[^&;]+`,
  'gi',
);
/** `Authorization: Bearer x`, `{"password":"x"}`: nobody can tell where such a value ends. */
const SECRET_PAIR = new RegExp(
  `((?:${SECRET_WORD})[\\w.-]*["']?\\s*[:=]\\s*)(?!\\*\\*\\*|//)\\S[^]*$`,
  'i',
);
const SECRET_SCHEME = /\b(Bearer|Basic|Digest)\s+[^\s*]\S*/gi;
const WEB_TOKEN = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;
/** What follows is a program. */
const CODE_OPTION = /^(-e|-p|-pe|--eval|--print)$/;
/**
 * Short for auth, key, password, secret, token, user (`-u name:password`) or a word like them. What comes with them may be
 * a port: it is hidden all the same, as nobody can tell.
 */
const SHORT_OPTION = /^-[akpstuw]/i;
/** `-v`, `--verbose`. A value that begins so is not taken for one: it may be the next option. */
const OPTION = /^(-\w|--.*)$/;
const REDACTED = '***';

/**
 * A command line that can be shown. Replaced by `***` are: values of options that sound like secrets or may be short for one
 * (`-px`, `-p x`), passwords in URLs, secret query parameters, headers (`Authorization: …`), connection strings and JSON, web
 * tokens, and code given with `-e`. A secret without a name that says so cannot be known: give those by the environment.
 */
export function redactCommandLine(args: readonly string[]): string[] {
  let isSecretNext = false;
  let isCodeNext = false;
  return args.map((arg) => {
    const isValue = isSecretNext && !OPTION.test(arg);
    const isCode = isCodeNext;
    isSecretNext = isSecretOption(arg);
    isCodeNext = CODE_OPTION.test(arg) && !isCode;
    return isValue || isCode ? REDACTED : redact(arg);
  });
}

/** `--token` or `-t`, whose value is the next argument. */
function isSecretOption(arg: string): boolean {
  if (arg.length === 2) return SHORT_OPTION.test(arg);
  return /^-[\w.-]+$/.test(arg) && SECRET_NAME.test(arg);
}

function redact(arg: string): string {
  if (CODE_OPTION.test(arg)) return arg;
  if (SHORT_OPTION.test(arg) && arg.length > 2) return `${arg.slice(0, 2)}${REDACTED}`;
  const [, name = ''] = /^(-{0,2}[\w.-]+)=/.exec(arg) ?? [];
  if (name !== '' && SECRET_NAME.test(name)) return `${name}=${REDACTED}`;
  return arg
    .replace(PASSWORD_IN_URL, `$1:${REDACTED}@`)
    .replace(USER_IN_WEB_URL, `$1${REDACTED}@`)
    .replace(PASSWORD_AT, `$1:${REDACTED}@`)
    .replace(SECRET_PARAMETER, `$1${REDACTED}`)
    .replace(SECRET_PAIR, `$1${REDACTED}`)
    .replace(SECRET_SCHEME, `$1 ${REDACTED}`)
    .replace(WEB_TOKEN, REDACTED);
}

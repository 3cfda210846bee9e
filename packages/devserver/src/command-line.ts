const SECRET_NAME = /pass|pwd|secret|token|key|auth|cred|cookie|session|dsn/i;
const USER_INFO = /(\w+:\/\/[^\s/:@]*):[^\s/@]+@/g;
const SECRET_PARAMETER =
  /([?&;][^=&;\s]*(?:pass|pwd|secret|token|key|auth|sig)[^=&;\s]*=)[^&;\s]+/gi;
/** What follows is a program. */
const CODE_OPTION = /^(-e|-p|-pe|--eval|--print)$/;
/**
 * Short for auth, key, password, secret, token, user (`-u name:password`) or a word like them. What comes with them may be
 * a port: it is hidden all the same, as nobody can tell.
 */
const SHORT_OPTION = /^-[akpstuw]/i;
const REDACTED = '***';

/**
 * A command line that can be shown: values of options that sound like secrets or may be short for one
 * (`-px`, `-p x`), passwords in URLs, secret query parameters and code given with `-e` are replaced by `***`.
 */
export function redactCommandLine(args: readonly string[]): string[] {
  let isSecretNext = false;
  let isCodeNext = false;
  return args.map((arg) => {
    const isValue = isSecretNext && !arg.startsWith('-');
    const isCode = isCodeNext;
    isSecretNext = isSecretOption(arg);
    isCodeNext = CODE_OPTION.test(arg) && !isCode;
    return isValue || isCode ? REDACTED : redact(arg);
  });
}

/** `--token` or `-t`, whose value is the next argument. */
function isSecretOption(arg: string): boolean {
  if (arg.length === 2) return SHORT_OPTION.test(arg);
  return arg.startsWith('-') && !arg.includes('=') && SECRET_NAME.test(arg);
}

function redact(arg: string): string {
  if (CODE_OPTION.test(arg)) return arg;
  if (SHORT_OPTION.test(arg) && arg.length > 2) return `${arg.slice(0, 2)}${REDACTED}`;
  const [, name = ''] = /^(-{0,2}[\w.-]+)=/.exec(arg) ?? [];
  if (name !== '' && SECRET_NAME.test(name)) return `${name}=${REDACTED}`;
  return arg.replace(USER_INFO, `$1:${REDACTED}@`).replace(SECRET_PARAMETER, `$1${REDACTED}`);
}

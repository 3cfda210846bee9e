const SECRET_NAME = /pass|pwd|secret|token|key|auth|cred|cookie|session|dsn/i;
const USER_INFO = /(\w+:\/\/[^\s/:@]*):[^\s/@]+@/g;
const SECRET_PARAMETER =
  /([?&;][^=&;\s]*(?:pass|pwd|secret|token|key|auth|sig)[^=&;\s]*=)[^&;\s]+/gi;
/** What follows is a program. */
const CODE_OPTION = /^(-e|-p|-pe|--eval|--print)$/;
const REDACTED = '***';

/**
 * A command line that can be shown: values of options that sound like secrets, passwords in URLs, secret query parameters
 * and code given with `-e` are replaced by `***`.
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

/** `--token`, whose value is the next argument. */
function isSecretOption(arg: string): boolean {
  return arg.startsWith('-') && !arg.includes('=') && SECRET_NAME.test(arg);
}

function redact(arg: string): string {
  const [, name = ''] = /^(-{0,2}[\w.-]+)=/.exec(arg) ?? [];
  if (name !== '' && SECRET_NAME.test(name)) return `${name}=${REDACTED}`;
  return arg.replace(USER_INFO, `$1:${REDACTED}@`).replace(SECRET_PARAMETER, `$1${REDACTED}`);
}

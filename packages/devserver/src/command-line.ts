const SECRET_NAME = /pass|pwd|secret|token|key|auth|cred|cookie|session|dsn/i;
const USER_INFO = /(\w+:\/\/[^\s/:@]*):[^\s/@]+@/g;
const SECRET_PARAMETER =
  /([?&;][^=&;\s]*(?:pass|pwd|secret|token|key|auth|sig)[^=&;\s]*=)[^&;\s]+/gi;
const REDACTED = '***';

/**
 * A command line that can be shown: values of options that sound like secrets, passwords in URLs and secret query parameters
 * are replaced by `***`.
 */
export function redactCommandLine(args: readonly string[]): string[] {
  let isSecretNext = false;
  return args.map((arg) => {
    const isValue = isSecretNext && !arg.startsWith('-');
    isSecretNext = isSecretOption(arg);
    return isValue ? REDACTED : redact(arg);
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

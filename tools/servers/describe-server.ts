import { FOUND, type SERVERS } from './servers.cjs';

export type ServerName = keyof typeof SERVERS;

type Found = { readonly url: string } | { readonly missing: string };

/**
 * `describe()` for tests that talk to a server. Where there is none they are skipped, and the name says why; with
 * LASTCALL_REQUIRE_SERVICES=1 they fail.
 *
 * @param body - Gets the server's URL.
 */
export function describeServer(
  server: ServerName,
  name: string,
  body: (url: string) => void,
): void {
  const found = (JSON.parse(process.env[FOUND] ?? '{}') as Record<string, Found>)[server] ?? {
    missing: 'not looked for',
  };
  if ('url' in found) {
    describe(name, () => body(found.url));
    return;
  }
  const reason = `${server} is missing: ${found.missing}`;
  if (process.env.LASTCALL_REQUIRE_SERVICES === '1') {
    it(name, () => {
      throw new Error(`${reason} (LASTCALL_REQUIRE_SERVICES=1 asks for it)`);
    });
  } else {
    // The tests are there to be counted, and their names to be read.
    describe.skip(`${name} (skipped: ${reason})`, () => body('missing://'));
  }
}

import { dirname, join, sep } from 'node:path';

/** Where this package's code is: `dist`, or `src` in its own tests. In a bundle it cannot be told from others. */
const OWN_CODE = __dirname.endsWith('await-sites') ? dirname(__dirname) + sep : undefined;

/** Where the other packages of lastcall are when they are installed next to this one. */
const SIBLINGS = OWN_CODE === undefined ? undefined : join(OWN_CODE, '..', '..') + sep;

const INSTALLED = /[\\/]@lastcall[\\/][^\\/]+[\\/](?:dist|src)[\\/]/;
const CODE = /^[^\\/]+[\\/](?:dist|src)[\\/]/;

/** Whether a file belongs to this package: what waits in it waits because of a stop, or of the search itself. */
export function isOwnFile(file: string): boolean {
  return OWN_CODE !== undefined && file.startsWith(OWN_CODE);
}

/** Whether a file belongs to any package of lastcall: its listeners are on everything that is attached. */
export function isLastcallFile(file: string): boolean {
  if (isOwnFile(file) || INSTALLED.test(file)) return true;
  return (
    SIBLINGS !== undefined && file.startsWith(SIBLINGS) && CODE.test(file.slice(SIBLINGS.length))
  );
}

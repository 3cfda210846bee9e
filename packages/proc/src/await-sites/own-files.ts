import { join, sep } from 'node:path';
import { PACKAGE_FOLDER } from '../package-folder';

/** Where the other packages of lastcall are when they are installed next to this one. */
const SIBLINGS = PACKAGE_FOLDER === undefined ? undefined : join(PACKAGE_FOLDER, '..', '..') + sep;

const INSTALLED = /[\\/]@lastcall[\\/][^\\/]+[\\/](?:dist|src)[\\/]/;
const CODE = /^[^\\/]+[\\/](?:dist|src)[\\/]/;

/** Whether a file belongs to this package: what waits in it waits because of a stop, or of the search itself. */
export function isOwnFile(file: string): boolean {
  return PACKAGE_FOLDER !== undefined && file.startsWith(PACKAGE_FOLDER);
}

/** Whether a file belongs to any package of lastcall: its listeners are on everything that is attached. */
export function isLastcallFile(file: string): boolean {
  if (isOwnFile(file) || INSTALLED.test(file)) return true;
  return (
    SIBLINGS !== undefined && file.startsWith(SIBLINGS) && CODE.test(file.slice(SIBLINGS.length))
  );
}

import { parse, sep } from 'node:path';

/**
 * Where the code of this package is, with a separator at its end: `dist`, or `src` in its own tests. Undefined in a bundle,
 * where it cannot be told from the app's; in one of ES modules the names it is known by do not even exist.
 */
export const PACKAGE_FOLDER: string | undefined =
  typeof __filename === 'string' && parse(__filename).name === 'package-folder'
    ? __dirname + sep
    : undefined;

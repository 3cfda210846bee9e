import { dirname, join, sep } from 'node:path';

/** The folders whose functions wait because of the search itself. In a bundle they cannot be told apart. */
const OWN_FOLDERS: readonly string[] = __dirname.endsWith('await-sites')
  ? ['await-sites', 'dump', 'diagnostics'].map((folder) => join(dirname(__dirname), folder) + sep)
  : [];

/** Whether a file belongs to the search, or to what calls it. */
export function isOwnFile(file: string): boolean {
  return OWN_FOLDERS.some((folder) => file.startsWith(folder));
}

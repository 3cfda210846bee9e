/** The major version of the package: what copies must have in common to share one lifecycle. */
export const MAJOR_VERSION = 0;

import { type Dirent, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LastcallError, toError } from '@lastcall/proc';
import { printableLines } from '../printable';
import { readTextFile, whyUnreadable } from '../read-text-file';
import { factsOfCompose } from './compose-source';
import { factsOfDockerfile } from './dockerfile-source';
import type { Facts } from './facts';
import { factsOfManifest } from './kubernetes-source';
import { factsOfPackage } from './package-source';
import { factsOfUnit } from './systemd-source';

interface Source {
  readonly isFor: RegExp;
  readonly read: (text: string, subject: string) => Facts[];
}

const SOURCES: readonly Source[] = [
  { isFor: /(^|[./-])(Dockerfile|Containerfile)([./-]|$)/, read: factsOfDockerfile },
  { isFor: /^(docker-)?compose[^/]*\.ya?ml$/, read: factsOfCompose },
  { isFor: /\.service$/, read: factsOfUnit },
  { isFor: /^package\.json$/, read: factsOfPackage },
  { isFor: /\.ya?ml$/, read: factsOfManifest },
];

const READABLE = 'Dockerfile, Compose file, Kubernetes manifest, systemd unit or package.json';

/** Where files lie that say how a service is run, from the folder of a project. */
const FOLDERS = [
  '.',
  'deploy',
  'deployment',
  'docs/deploy',
  'k8s',
  'kubernetes',
  'manifests',
  'docker',
  'systemd',
];

/** No file that says how a service is run is as large. */
const MOST_BYTES = 4e6;

/**
 * The files below `folder` that the doctor can read.
 *
 * @throws LastcallError `LASTCALL_CLI_NO_FILE`
 */
export function deploymentFiles(folder: string): string[] {
  return FOLDERS.flatMap((name) => {
    const directory = join(folder, name);
    return entriesOf(directory)
      .filter((entry) => entry.isFile() && sourceFor(entry.name) !== undefined)
      .map((entry) => join(directory, entry.name))
      .sort();
  });
}

/** @throws LastcallError `LASTCALL_CLI_NO_FILE` */
function entriesOf(directory: string): Dirent[] {
  try {
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
    return readdirSync(directory, { withFileTypes: true });
  } catch (thrown) {
    throw unreadable(directory, thrown);
  }
}

/**
 * What the files below `folder` say of how a service is run.
 *
 * @throws LastcallError `LASTCALL_CLI_NO_FILE`, `LASTCALL_CLI_UNKNOWN_FILE`
 */
export function factsOfFolder(folder: string): Facts[] {
  const files = deploymentFiles(folder);
  if (files.length > 0) return files.flatMap(factsOfFile);
  throw new LastcallError('LASTCALL_CLI_NO_FILE', `${folder} has no ${READABLE}`);
}

/**
 * What a file says of how a service is run; empty when it says nothing of that.
 *
 * @throws LastcallError `LASTCALL_CLI_NO_FILE`, `LASTCALL_CLI_UNKNOWN_FILE`
 */
export function factsOfFile(path: string): Facts[] {
  const source = sourceFor(basename(path));
  if (source === undefined) {
    throw new LastcallError('LASTCALL_CLI_UNKNOWN_FILE', `${path} is no ${READABLE}`);
  }
  const text = readOrThrow(path);
  try {
    return source.read(text, path);
  } catch (thrown) {
    const cause = toError(thrown);
    throw new LastcallError(
      'LASTCALL_CLI_UNKNOWN_FILE',
      `${path} cannot be read: ${printableLines(cause.message)}`,
      {
        cause,
      },
    );
  }
}

function sourceFor(name: string): Source | undefined {
  return SOURCES.find(({ isFor }) => isFor.test(name));
}

function readOrThrow(path: string): string {
  try {
    return readTextFile(path, MOST_BYTES);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function unreadable(path: string, thrown: unknown): LastcallError {
  const message = `cannot read ${path}: ${whyUnreadable(thrown)}`;
  return new LastcallError('LASTCALL_CLI_NO_FILE', message, { cause: toError(thrown) });
}

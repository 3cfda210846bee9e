/** What the name of a dump file says. */
export interface DumpFileName {
  /** Name of the service; see {@link toServicePart}. */
  readonly service: string;
  /** Name of the host or pod; see {@link toHostPart}. In containers every process may be number 1. */
  readonly host: string;
  readonly pid: number;
  /** What the file holds: `dump`, `cpu`, `heap`, … */
  readonly kind: string;
  /** When it was taken: UTC, ISO 8601 basic with milliseconds, such as `20261120T101502123Z`. Sorts by time. */
  readonly timestamp: string;
  /** 1, or more where the name was taken. */
  readonly copy: number;
  readonly extension: string;
}

/** Keeps any name far below the 255 bytes that file systems take. */
const MAX_PART_LENGTH = 64;

/**
 * The name of a dump file: `<service>-<host>-<pid>-<kind>-<timestamp>.<extension>`, with `-2`, `-3`, … after the
 * timestamp where that is taken.
 *
 * Only the service may contain dashes, so that a name can be read back, and `api` never takes the files of
 * `api-gateway` for its own.
 */
export function formatDumpFileName(name: DumpFileName): string {
  const copy = name.copy === 1 ? '' : `-${name.copy}`;
  const { service, host, pid, kind, timestamp, extension } = name;
  return `${service}-${host}-${pid}-${kind}-${timestamp}${copy}.${extension}`;
}

const PATTERN =
  /^([A-Za-z0-9_][A-Za-z0-9._-]*)-([A-Za-z0-9._]+)-(\d{1,10})-([A-Za-z][A-Za-z0-9_]*)-(\d{8}T\d{9}Z)(?:-(\d{1,6}))?\.([A-Za-z0-9]+)$/;

/** Reads a name made by {@link formatDumpFileName}; undefined for any other. */
export function parseDumpFileName(text: string): DumpFileName | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, service = '', host = '', pid, kind = '', timestamp = '', copy = '1', extension = ''] =
    match;
  return { service, host, pid: Number(pid), kind, timestamp, copy: Number(copy), extension };
}

/** The name under which a file is written until it is complete. */
export function partialName(name: string): string {
  const random = Math.floor(Math.random() * 2 ** 32);
  return `.${name}.${random.toString(16).padStart(8, '0')}.tmp`;
}

const PARTIAL_PATTERN = /^\.(.+)\.[0-9a-f]{8}\.tmp$/;

/** Reads a name made by {@link partialName}; undefined for any other. */
export function parsePartialName(text: string): DumpFileName | undefined {
  const name = PARTIAL_PATTERN.exec(text)?.[1];
  return name === undefined ? undefined : parseDumpFileName(name);
}

/** `@acme/orders-api` becomes `acme_orders-api`: no path, no hidden file, nothing a shell takes for an option. */
export function toServicePart(text: string): string {
  return clean(text, /[^A-Za-z0-9._-]+/g) || 'service';
}

/** `orders-7f9c.local` becomes `orders_7f9c.local`: no host name has an underscore, so it can be read back. */
export function toHostPart(text: string): string {
  return clean(text, /[^A-Za-z0-9._]+/g) || 'host';
}

/** A kind has letters, digits and underscores, and begins with a letter. */
export function toKindPart(text: string): string {
  return clean(text, /[^A-Za-z0-9_]+/g).replace(/^[^A-Za-z]+/, '') || 'dump';
}

/** An extension has one part and no dot, so that what somebody calls `….txt.bak` is no longer ours. */
export function toExtensionPart(text: string): string {
  return clean(text, /[^A-Za-z0-9]+/g).replaceAll('_', '') || 'txt';
}

function clean(text: string, forbidden: RegExp): string {
  return String(text)
    .replace(forbidden, '_')
    .replace(/^[._-]+/, '')
    .slice(0, MAX_PART_LENGTH);
}

/** UTC, ISO 8601 basic with milliseconds: `20261120T101502123Z`. */
export function toTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:.]/g, '');
}

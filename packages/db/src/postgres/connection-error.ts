/** Codes of postgres.js, of the system and of TLS. */
const LOST = /^(?:CONNECTION_|CONNECT_TIMEOUT$|E[A-Z]{3,}$|ERR_(?:SSL|TLS|STREAM|SOCKET)_)/;

/**
 * Whether `error`, of a query that was given to its connection, means that the connection is gone. Others leave it as it was:
 * what the server answers, a value that cannot be sent, an answer that cannot be parsed.
 */
export function isConnectionError(error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && LOST.test(code);
}

/** Codes of postgres.js for a login that it cannot answer. */
const LOGIN = /^(?:SASL_|AUTH_)/;

/** Whether `error`, of a query that was never given to a connection, means that there was none: also the server says so. */
export function isConnectError(error: unknown): error is Error {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  if (severity !== undefined || isConnectionError(error)) return true;
  return typeof code === 'string' && LOGIN.test(code);
}

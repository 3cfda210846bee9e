import type { HttpServer } from './http-server';

/**
 * Leaves idle connections to the drain when somebody else closes the server during it: a framework's `close()`, or the
 * app's own signal handler. `http.Server.close()` calls `closeIdleConnections()`, which destroys responses that are ended
 * but not written to the last byte, and requests that the kernel has and Node has not.
 *
 * @returns what undoes it
 */
export function guardIdleConnections(server: HttpServer): () => void {
  if (!('closeIdleConnections' in server)) return () => {};
  const own = Object.getOwnPropertyDescriptor(server, 'closeIdleConnections');
  Object.defineProperty(server, 'closeIdleConnections', {
    configurable: true,
    writable: true,
    value: () => {},
  });
  return () => {
    Reflect.deleteProperty(server, 'closeIdleConnections');
    if (own !== undefined) Object.defineProperty(server, 'closeIdleConnections', own);
  };
}

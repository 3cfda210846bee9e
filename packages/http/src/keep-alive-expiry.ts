import { Socket } from 'node:net';
import type { ConnectionTracker } from './connection-tracker';
import type { HttpServer } from './http-server';
import { currentResponse, latestRequest } from './node-internals';
import type { SoftClose } from './soft-close';

/**
 * Closes connections whose keep-alive time is over softly. Node destroys them, and with them a request that has reached
 * the kernel in the same moment.
 *
 * Node leaves a connection alone once somebody listens for 'timeout', so what it would have done is done here.
 *
 * @returns what undoes it
 */
export function takeOverKeepAliveExpiry(
  server: HttpServer,
  tracker: ConnectionTracker,
  softClose: SoftClose,
): () => void {
  const onTimeout = (subject: unknown): void => {
    const isIdle = subject instanceof Socket && isBetweenRequests(subject);
    const connection = subject instanceof Socket ? tracker.of(subject) : undefined;
    const isOurs = server.listenerCount('timeout') === 1;
    if (isIdle && connection !== undefined) softClose.closeIfQuiet(connection, isOurs);
    else if (isOurs && !isHandled(subject)) destroy(subject);
  };
  server.on('timeout', onTimeout);
  return () => {
    server.off('timeout', onTimeout);
  };
}

function isBetweenRequests(socket: Socket): boolean {
  return currentResponse(socket) === undefined && latestRequest(socket) === undefined;
}

/** Whether the app listens for the timeout of this very request or response. */
function isHandled(subject: unknown): boolean {
  if (!(subject instanceof Socket)) return false;
  const request = latestRequest(subject);
  if (request?.complete === false && request.listenerCount('timeout') > 0) return true;
  return (currentResponse(subject)?.listenerCount('timeout') ?? 0) > 0;
}

/** A socket, or an HTTP/2 session, for which the event is emitted as well. */
function destroy(subject: unknown): void {
  (subject as { destroy(): void }).destroy();
}

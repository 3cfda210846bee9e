import type { GrpcServer } from './grpc-server';

/**
 * Makes the application's own `forceShutdown()` do what `hammer` does: the server's would cut calls that appear in no list,
 * and with channelz off none at all.
 *
 * @returns what undoes it
 */
export function joinForceShutdown(server: GrpcServer, hammer: () => void): () => void {
  const own = Object.getOwnPropertyDescriptor(server, 'forceShutdown');
  const joined = (): void => hammer();
  server.forceShutdown = joined;
  return () => {
    if (server.forceShutdown !== joined) return;
    Reflect.deleteProperty(server, 'forceShutdown');
    if (own !== undefined) Object.defineProperty(server, 'forceShutdown', own);
  };
}

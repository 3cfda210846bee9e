import { LastcallError } from '@lastcall/proc';
import { http2ServersOf } from './grpc-internals';

/** A `Server` of `@grpc/grpc-js` 1.10 or later, as far as the drain calls it. */
export interface GrpcServer {
  addService(service: never, implementation: never): void;
  bindAsync(
    address: string,
    credentials: never,
    callback: (error: Error | null, port: number) => void,
  ): void;
  tryShutdown(callback: (error?: Error) => void): void;
  forceShutdown(): void;
}

const METHODS = ['addService', 'bindAsync', 'tryShutdown', 'forceShutdown'];

/**
 * Throws unless `server` is a gRPC server that can be drained.
 *
 * Looks at what it can do instead of its class: a process may have several copies of `@grpc/grpc-js`.
 *
 * @throws LastcallError `LASTCALL_GRPC_BAD_SERVER`
 */
export function assertGrpcServer(server: unknown): asserts server is GrpcServer {
  if (!hasMethods(server)) {
    throw new LastcallError(
      'LASTCALL_GRPC_BAD_SERVER',
      `cannot drain ${nameOf(server)}: give a Server of @grpc/grpc-js`,
    );
  }
  if (http2ServersOf(server) !== undefined) return;
  throw new LastcallError(
    'LASTCALL_GRPC_BAD_SERVER',
    'cannot drain this gRPC server: it does not say which HTTP/2 servers it has; versions 1.10 to 1.14 of @grpc/grpc-js do',
  );
}

function hasMethods(server: unknown): server is GrpcServer {
  if (typeof server !== 'object' || server === null) return false;
  return METHODS.every((method) => typeof Reflect.get(server, method) === 'function');
}

function nameOf(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return `an object of class ${value.constructor?.name ?? 'null'}`;
}

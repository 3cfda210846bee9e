import type { PoolSocket, SocketSet } from '../drain/socket-set';
import type { MongoConnectionType, MongoConnectOptions, MongoServer } from './mongo-client';

/**
 * Adds the sockets of connections to `server` that are made from now on to `sockets`. One on which the server has not said
 * hello yet is known to nobody else, and a close of the driver's leaves it open until its `connectTimeoutMS`, of 30 s.
 *
 * @returns what undoes it
 */
export function trackSockets({ pool, monitor }: MongoServer, sockets: SocketSet): () => void {
  const { options } = pool;
  const Connection = options.connectionType;
  if (Connection === undefined) return () => {};
  const connectionType = trackingType(Connection, sockets);
  pool.options = Object.freeze({ ...options, connectionType });
  const undoMonitor = monitor ? trackMonitor(monitor, connectionType) : () => {};
  return () => {
    pool.options = options;
    undoMonitor();
  };
}

function trackMonitor(
  monitor: { connectOptions: MongoConnectOptions },
  connectionType: MongoConnectionType,
): () => void {
  const { connectOptions } = monitor;
  monitor.connectOptions = Object.freeze({ ...connectOptions, connectionType });
  return () => {
    monitor.connectOptions = connectOptions;
  };
}

function trackingType(Connection: MongoConnectionType, sockets: SocketSet): MongoConnectionType {
  return new Proxy(Connection, {
    construct(target, args: [socket: PoolSocket, options: object], newTarget) {
      sockets.add(args[0]);
      return Reflect.construct(target, args, newTarget);
    },
  });
}

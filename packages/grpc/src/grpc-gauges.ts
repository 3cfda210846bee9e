import type { Gauge } from '@lastcall/proc';

/** The gauges of one server, as metrics have them. */
export function grpcGauges(
  server: string,
  { connections, calls }: { readonly connections: number; readonly calls: number },
): Gauge[] {
  const labels = { server };
  return [
    {
      name: 'lastcall_grpc_connections',
      help: 'Open connections of a gRPC server',
      labels,
      value: connections,
    },
    { name: 'lastcall_grpc_calls', help: 'Calls in flight of a gRPC server', labels, value: calls },
  ];
}

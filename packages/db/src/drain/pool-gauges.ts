import type { Gauge } from '@lastcall/proc';
import type { PoolGauges } from './pool-drain';

/** The gauges of one pool, as metrics have them. */
export function poolGauges(pool: string, gauges: PoolGauges): Gauge[] {
  const { total, idle, max, inUse, waiting, leaked } = gauges;
  const connections = (state: string, value: number): Gauge => ({
    name: 'lastcall_pool_connections',
    help: 'Connections of a pool, by state',
    labels: { pool, state },
    value,
  });
  const gauge = (name: string, help: string, value: number): Gauge => ({
    name: `lastcall_pool_${name}`,
    help,
    labels: { pool },
    value,
  });
  return [
    connections('idle', idle),
    connections('busy', Math.max(total - idle, 0)),
    gauge('in_use', 'Units of work that hold a connection, or commands in flight', inUse),
    gauge('waiting', 'Acquires that wait for a connection', waiting),
    gauge('leaked', 'Connections that are held for longer than leakMs', leaked),
    ...(max === undefined ? [] : [gauge('max', 'The most connections the pool opens', max)]),
  ];
}

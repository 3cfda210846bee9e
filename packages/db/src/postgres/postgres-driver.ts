import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { type CancelTarget, sendCancelRequest } from '../postgres-wire/cancel-request';
import { tlsOf } from './cancel-tls';
import type { OpenSql, SqlQuery } from './postgres-sql';
import { SqlGate } from './sql-gate';
import { SqlSockets } from './sql-sockets';
import type { Backend, SqlWork } from './sql-work';

/** What the pool of postgres.js does for its drain. A unit of work is a query, a transaction, or a reserved connection. */
export function connectSql(sql: OpenSql, feed: DrainFeed<SqlWork>): DrainDriver<SqlWork> {
  const sockets = new SqlSockets(sql);
  const gate = new SqlGate(sql, feed);
  const wasUsed = Object.keys(sql.options.parameters ?? {}).length > 0;

  /** Of several servers only postgres.js knows which one it is; to the others the key says nothing. */
  function cancelTargets({ pid, secret }: Backend): CancelTarget[] {
    return sockets.ways().map(({ open, host, path }) => ({
      processId: pid,
      secretKey: secret,
      open,
      tls: tlsOf(sql.options, path === undefined ? host : undefined),
    }));
  }

  /** A query behind another one on its connection runs when that is cancelled: again, until nothing runs. */
  async function cancel(
    work: readonly SqlWork[],
    signal: AbortSignal,
    reason: Error,
  ): Promise<void> {
    for (const unit of work) unit.watchCancel();
    for (const unit of work) for (const query of unit.queries) dropQueued(query, reason);
    while (!signal.aborted) {
      const backends = new Set(work.filter(({ running }) => running?.active).map(backendOf));
      if (backends.size === 0) return;
      const targets = [...backends].flatMap((backend) => cancelTargets(backend as Backend));
      const settled = gate.nextSettled(signal);
      await Promise.all(targets.map((target) => sendCancelRequest(target, signal)));
      await settled;
    }
  }

  /** What had begun before waits in a queue that an `end()` would fail; after one that waits, another that destroys does nothing. */
  async function closeUsed(close: () => Promise<void>): Promise<void> {
    await gate.queueServed();
    await close();
  }

  /** Which socket is whose only postgres.js knows; whatever is left at this time is to be destroyed. */
  function destroy(reason: Error): void {
    gate.refuse(reason);
    sockets.closedBy = reason;
    sockets.destroy(reason);
    // The sockets that were there before are out of reach.
    if (wasUsed) gate.end({ timeout: 0 }).catch(() => {});
  }

  return {
    name: 'postgres',
    unit: 'work',
    look: (work) => work.look(),
    cancel,
    judge: (work, end) =>
      end === 'released' ? work.judgeReleased(gate.succeeded(work)) : work.judgeDestroyed(),
    destroy: (_work, reason) => destroy(reason),
    closeWaitsForMore: wasUsed,
    close: () => (wasUsed && sql.close ? closeUsed(sql.close) : gate.end()),
    socketsClosed: () => sockets.closed(),
    destroySockets: destroy,
    counts() {
      const total = sockets.size;
      return { total, idle: Math.max(total - gate.busy, 0), max: sql.options.max };
    },
    restore() {
      gate.restore();
      sockets.restore();
    },
  };
}

const backendOf = ({ backend }: SqlWork): Backend | null => backend;

/** Fails a query that is not sent yet, and takes it out of the queue. */
function dropQueued(query: SqlQuery, reason: Error): void {
  if (query.state !== null) return;
  query.reject(reason);
  query.canceller?.(query).catch(() => {});
}

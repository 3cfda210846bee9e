import { assertOptionsObject, describe, LastcallError } from '@lastcall/proc';
import { DRAIN_OPTION_NAMES, type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createQueueDrain, type QueueDrain } from '../drain/queue-drain';
import { connectNats, type NatsDriver } from './nats-driver';
import type { NatsEntry } from './nats-entry';
import {
  assertNatsConnection,
  assertNatsConsumer,
  type NatsConnection,
  type NatsConsumer,
} from './nats-types';

/** Options of {@link createNatsDrain}. */
export interface NatsDrainOptions extends DrainOptions {
  /**
   * Whether the connection is closed at the end. false for one that others use too: its consumers end, and you close it in
   * a later stage. Default true.
   */
  readonly close?: boolean | undefined;
}

/** The drain of a connection of NATS. */
export interface NatsDrain extends QueueDrain {
  /**
   * Has a JetStream consumer of the connection drained too: its `consume()`, `fetch()` and `next()`. Call it before them.
   * @returns the consumer that it was given
   * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_DRAINING`
   */
  track<C extends NatsConsumer>(consumer: C): C;
}

export const NATS_OPTION_NAMES: readonly string[] = ['close'];

/**
 * Prepares a connection of `nats` or `@nats-io/transport-node` for its drain. Needs no lifecycle; `attachNats()` is this
 * with one.
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createNatsDrain(connection);
 * const consumer = drain.track(await jetstream(connection).consumers.get('ORDERS', 'packer'));
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createNatsDrain(
  connection: NatsConnection,
  options: NatsDrainOptions = {},
): NatsDrain {
  const call = 'createNatsDrain()';
  assertOptionsObject(call, options, [...DRAIN_OPTION_NAMES, ...NATS_OPTION_NAMES]);
  const { close = true, ...rest } = options;
  if (typeof close !== 'boolean') throw badClose(call, close);
  const settings = resolveDrainOptions(call, rest);
  const open = assertNatsConnection(connection);
  let driver!: NatsDriver;
  let admit!: () => void;
  const drain = createQueueDrain<NatsEntry>({
    consumer: connection,
    name: 'nats',
    settings,
    connect(ledger) {
      admit = () => ledger.admit();
      driver = connectNats(open, ledger, close);
      return driver;
    },
  });
  return Object.freeze({
    ...drain,
    track<C extends NatsConsumer>(consumer: C): C {
      const tracked = assertNatsConsumer(consumer);
      admit();
      driver.track(tracked);
      return consumer;
    },
  });
}

function badClose(call: string, close: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'close' of ${call} must be a boolean, got ${describe(close)}`,
  );
}

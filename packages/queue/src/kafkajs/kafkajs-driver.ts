import { joinClose } from '../drain/joined-close';
import type { Ledger } from '../drain/ledger';
import type { QueueDriver } from '../drain/queue-driver';
import { Commits } from './commits';
import type {
  EachBatchPayload,
  EachMessagePayload,
  OpenConsumer,
  RunConfig,
} from './kafka-consumer';
import { KafkaEntry } from './kafka-entry';
import { Rewind } from './rewind';

/** A fetch that waits at the broker is waited for: by default up to five seconds (`maxWaitTimeInMs`). */
const CLOSE_MS = 6000;

/** What a consumer of kafkajs does for its drain. */
export function connectKafkajs(
  consumer: OpenConsumer,
  ledger: Ledger<KafkaEntry>,
): QueueDriver<KafkaEntry> {
  const { run } = consumer;
  const stop = consumer.stop.bind(consumer);
  const disconnect = consumer.disconnect.bind(consumer);
  const ends = joinClose(consumer, ['stop', 'disconnect'], ledger);
  const commits = new Commits();
  const rewind = new Rewind();
  const finished: KafkaEntry[] = [];
  const removers = [consumer.on('consumer.commit_offsets', commits.add as never)];
  let running: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;

  /** Runs `handler`; `entry` is in hand meanwhile. False when nobody waits for it any more. */
  async function hold(entry: KafkaEntry, handler: () => unknown): Promise<boolean> {
    ledger.begin(entry);
    try {
      await handler();
    } catch (error) {
      // It is not committed, and so delivered again.
      ledger.giveBack(entry);
      throw error;
    }
    if (entry.isWrittenOff) ledger.end(entry);
    return !entry.isWrittenOff;
  }

  function end(entry: KafkaEntry): void {
    if (ledger.isDraining) finished.push(entry);
    ledger.end(entry);
  }

  function wrapEachMessage({ eachMessage, autoCommit }: RunConfig): RunConfig['eachMessage'] {
    if (typeof eachMessage !== 'function') return eachMessage;
    return async (payload: EachMessagePayload) => {
      if (ledger.isDraining) return rewind.message(payload);
      const { topic, partition, message } = payload;
      const entry = new KafkaEntry(topic, partition, message.offset);
      const isWanted = await hold(entry, () => eachMessage(payload));
      if (!isWanted) return rewind.message(payload);
      if (autoCommit !== false) entry.done = BigInt(message.offset);
      end(entry);
    };
  }

  function wrapEachBatch({
    eachBatch,
    autoCommit,
    eachBatchAutoResolve,
  }: RunConfig): RunConfig['eachBatch'] {
    if (typeof eachBatch !== 'function') return eachBatch;
    return async (payload: EachBatchPayload) => {
      if (ledger.isDraining) return rewind.batch(payload);
      const { batch } = payload;
      const id = `${batch.firstOffset()}-${batch.lastOffset()}`;
      const entry = new KafkaEntry(batch.topic, batch.partition, id);
      let resolved: bigint | undefined;
      const gated: EachBatchPayload = {
        ...payload,
        // From the stop on, a handler that asks ends with what it has resolved.
        isRunning: () => !ledger.isDraining && payload.isRunning(),
        resolveOffset(offset) {
          if (entry.isWrittenOff) return;
          resolved = BigInt(offset);
          payload.resolveOffset(offset);
        },
      };
      const isWanted = await hold(entry, () => eachBatch(gated));
      if (!isWanted) return rewind.batch(payload);
      if (eachBatchAutoResolve !== false) resolved = BigInt(batch.lastOffset());
      if (autoCommit !== false) entry.done = resolved;
      end(entry);
    };
  }

  consumer.run = async (config = {}) => {
    ledger.admit();
    const gated = {
      ...config,
      eachMessage: wrapEachMessage(config),
      eachBatch: wrapEachBatch(config),
    };
    running = run.call(consumer, gated as RunConfig);
    return running;
  };

  /** Stopped before it has joined its group, or about to try again after a crash, kafkajs would go on. */
  function stopForGood(): Promise<void> {
    const again = (): void => void setImmediate(() => stop().catch(ignore));
    removers.push(consumer.on('consumer.crash', again), consumer.on('consumer.fetch_start', again));
    return running.catch(ignore).then(stop);
  }

  return {
    name: 'kafkajs',
    unit: 'message',
    closeMs: CLOSE_MS,
    waitsForHandlers: true,
    // kafkajs drops manual commits as soon as it is told to stop: that comes when nothing is in hand any more. What is
    // offered until then is passed over.
    stopFetching: () => Promise.resolve(),
    async handBack(entry) {
      entry.isWrittenOff = true;
      return 'cut';
    },
    abandoned: () => 'cut',
    async confirm() {
      stopping = stopForGood();
      await Promise.race([stopping, commits.all(finished)]);
    },
    isConfirmed: (entry) => commits.has(entry),
    async close() {
      await stopping;
      await disconnect();
    },
    // kafkajs ends its sockets and does not let them keep the process alive; they are out of reach.
    destroy: () => ends.release(),
    restore() {
      ends.restore();
      consumer.run = run;
      for (const remove of removers) remove();
    },
  };
}

function ignore(): void {}

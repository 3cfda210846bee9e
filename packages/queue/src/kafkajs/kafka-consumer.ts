import { describe, LastcallError } from '@lastcall/proc';

/** A consumer of kafkajs (2.2), by its shape. */
export interface KafkaConsumer {
  // biome-ignore lint/suspicious/noExplicitAny: the types of handlers, which are not needed here
  run(config?: any): Promise<void>;
  stop(): Promise<void>;
  disconnect(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  on(eventName: any, listener: (...args: any[]) => void): unknown;
}

/** A message as the drain uses it. */
export interface Message {
  offset: string;
}

/** What `eachMessage` is given. */
export interface EachMessagePayload {
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
  pause(): unknown;
}

/** What `eachBatch` is given. */
export interface EachBatchPayload {
  readonly batch: {
    readonly topic: string;
    readonly partition: number;
    firstOffset(): string | null;
    /** kafkajs asks for it when the handler is done. */
    lastOffset: () => string;
  };
  resolveOffset(offset: string): void;
  isRunning(): boolean;
  pause(): unknown;
}

export interface RunConfig {
  readonly autoCommit?: boolean;
  readonly eachBatchAutoResolve?: boolean;
  readonly eachMessage?: (payload: EachMessagePayload) => unknown;
  readonly eachBatch?: (payload: EachBatchPayload) => unknown;
}

/** Of the event `consumer.commit_offsets`. */
export interface CommitEvent {
  readonly payload: {
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[];
  };
}

/** A consumer as the drain uses it. */
export interface OpenConsumer {
  run(config?: RunConfig): Promise<void>;
  stop(): Promise<void>;
  disconnect(): Promise<void>;
  pause(topics: readonly never[]): void;
  /** Returns the remover. */
  on(eventName: string, listener: (event: never) => void): () => void;
}

/**
 * Throws unless `consumer` is one of kafkajs that does not run yet.
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_RUNNING`
 */
export function assertKafkaConsumer(consumer: unknown): OpenConsumer {
  if (!isConsumer(consumer)) {
    throw new LastcallError(
      'LASTCALL_QUEUE_BAD_CONSUMER',
      `a consumer of kafkajs is needed (kafka.consumer({ groupId })), got ${describe(consumer)}`,
    );
  }
  if (!isRunning(consumer)) return consumer;
  throw new LastcallError(
    'LASTCALL_QUEUE_RUNNING',
    'the kafkajs consumer runs already, its handler is out of reach; attach it before run()',
  );
}

function isConsumer(consumer: unknown): consumer is OpenConsumer {
  if (typeof consumer !== 'object' || consumer === null) return false;
  const methods = ['run', 'stop', 'disconnect', 'pause', 'on'];
  return methods.every((name) => typeof Reflect.get(consumer, name) === 'function');
}

/** kafkajs refuses to pause a consumer that does not run, and pauses nothing here. */
function isRunning(consumer: OpenConsumer): boolean {
  try {
    consumer.pause([]);
    return true;
  } catch {
    return false;
  }
}

import { createServer, type Server, type Socket } from 'node:net';
import { array, bytes, int8, int16, int32, int64, Reader, string } from './wire';

const ILLEGAL_GENERATION = 22;
const REBALANCE_IN_PROGRESS = 27;

/**
 * A stand-in for a Kafka broker: one node that speaks the oldest version of what a consumer of kafkajs needs, with topics
 * in memory and one member per group. Everything that the tests assert (offsets that were committed, members that have
 * left) is what came over the wire.
 */
export class FakeKafka {
  /** Messages by topic and partition. */
  readonly topics = new Map<string, string[][]>();
  /** Whether a consumer knows that its group is to be joined again. */
  hasToldOfRebalance = false;
  /** Members that are in their group. */
  readonly members = new Set<string>();
  readonly #committed = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();
  #isFrozen = false;
  #generation = 0;
  #rebalance: 'none' | 'commits are taken' | 'commits are refused' = 'none';

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${this.#port}`;
  }

  /** The next offset that the group is given, by what it has committed. */
  committed(topic: string, partition: number): number {
    return this.#committed.get(`${topic}[${partition}]`) ?? 0;
  }

  add(topic: string, partition: number, ...texts: string[]): void {
    this.topics.get(topic)?.[partition]?.push(...texts);
    for (const wake of this.#waiting) wake();
  }

  /** Has the group join again, as when a member is new. A broker takes commits up to the moment when all have joined. */
  rebalance(how: 'commits are taken' | 'commits are refused'): void {
    this.#rebalance = how;
  }

  /** Nothing is answered any more, and nothing closed. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** Resets every connection and takes no more. */
  kill(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    for (const wake of this.#waiting) wake();
    this.kill();
  }

  get #port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  #serve(socket: Socket): void {
    let buffered: Buffer = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (data) => {
      buffered = Buffer.concat([buffered, data]);
      while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
        const end = 4 + buffered.readInt32BE(0);
        void this.#answer(socket, new Reader(buffered.subarray(4, end)));
        buffered = buffered.subarray(end);
      }
    });
  }

  async #answer(socket: Socket, request: Reader): Promise<void> {
    const [key] = [request.int16(), request.int16()];
    const correlation = request.int32();
    request.string();
    if (this.#isFrozen) return;
    const body = await this.#respond(key, request);
    if (this.#isFrozen || socket.destroyed) return;
    const response = Buffer.concat([int32(correlation), body]);
    socket.write(Buffer.concat([int32(response.length), response]));
  }

  async #respond(key: number, request: Reader): Promise<Buffer> {
    if (key === 18) return this.#apiVersions();
    if (key === 3) return this.#metadata(request);
    if (key === 10)
      return Buffer.concat([int16(0), this.#node(), string('127.0.0.1'), int32(this.#port)]);
    if (key === 11) return this.#join(request);
    if (key === 14) return this.#sync(request);
    if (key === 12) return this.#heartbeat();
    if (key === 13) return this.#leave(request);
    if (key === 9) return this.#offsetFetch(request);
    if (key === 8) return this.#offsetCommit(request);
    if (key === 2) return this.#listOffsets(request);
    if (key === 1) return this.#fetch(request);
    throw new Error(`the fake Kafka has no API ${key}`);
  }

  #node(): Buffer {
    return int32(0);
  }

  #apiVersions(): Buffer {
    const versions = [
      [1, 0],
      [2, 0],
      [3, 0],
      [8, 2],
      [9, 1],
      [10, 0],
      [11, 0],
      [12, 0],
      [13, 0],
      [14, 0],
      [18, 0],
    ] as const;
    const write = ([key, version]: readonly [number, number]): Buffer =>
      Buffer.concat([int16(key), int16(version), int16(version)]);
    return Buffer.concat([int16(0), array(versions, write)]);
  }

  #metadata(request: Reader): Buffer {
    const asked = request.array(() => request.string());
    const topics = asked.length > 0 ? asked : [...this.topics.keys()];
    const partition = (_messages: string[], index: number): Buffer =>
      Buffer.concat([int16(0), int32(index), this.#node(), int32(0), int32(0)]);
    const topic = (name: string): Buffer => {
      const partitions = (this.topics.get(name) ?? []).map(partition);
      return Buffer.concat([int16(0), string(name), array(partitions, (each) => each)]);
    };
    const broker = Buffer.concat([this.#node(), string('127.0.0.1'), int32(this.#port)]);
    return Buffer.concat([array([broker], (each) => each), array(topics, topic)]);
  }

  #join(request: Reader): Buffer {
    request.string();
    request.int32();
    const asked = request.string();
    request.string();
    const [protocol] = request.array(() => [request.string(), request.bytes()] as const);
    this.#generation += 1;
    this.#rebalance = 'none';
    const member = asked === '' ? `member-${this.#generation}` : asked;
    this.members.add(member);
    const [name, metadata] = protocol ?? ['', Buffer.alloc(0)];
    const members = Buffer.concat([int32(1), string(member), bytes(metadata)]);
    const head = [int16(0), int32(this.#generation), string(name), string(member), string(member)];
    return Buffer.concat([...head, members]);
  }

  #sync(request: Reader): Buffer {
    request.string();
    request.int32();
    request.string();
    const assignments = request.array(() => [request.string(), request.bytes()] as const);
    return Buffer.concat([int16(0), bytes(assignments[0]?.[1] ?? Buffer.alloc(0))]);
  }

  #heartbeat(): Buffer {
    if (this.#rebalance === 'none') return int16(0);
    this.hasToldOfRebalance = true;
    return int16(REBALANCE_IN_PROGRESS);
  }

  #leave(request: Reader): Buffer {
    request.string();
    this.members.delete(request.string());
    return int16(0);
  }

  #offsetFetch(request: Reader): Buffer {
    request.string();
    return this.#perPartition(
      request,
      () => request.int32(),
      (topic, partition) => {
        const offset = this.#committed.get(`${topic}[${partition}]`) ?? -1;
        return [int32(partition), int64(offset), string(''), int16(0)];
      },
    );
  }

  #offsetCommit(request: Reader): Buffer {
    request.string();
    const generation = request.int32();
    request.string();
    request.int64();
    const error = this.#commitError(generation);
    const read = (): [number, number] => {
      const found: [number, number] = [request.int32(), request.int64()];
      request.string();
      return found;
    };
    return this.#perPartition(request, read, (topic, [partition, offset]) => {
      if (error === 0) this.#committed.set(`${topic}[${partition}]`, offset);
      return [int32(partition), int16(error)];
    });
  }

  #commitError(generation: number): number {
    if (generation !== this.#generation) return ILLEGAL_GENERATION;
    return this.#rebalance === 'commits are refused' ? REBALANCE_IN_PROGRESS : 0;
  }

  #listOffsets(request: Reader): Buffer {
    request.int32();
    const read = (): [number, number] => {
      const found: [number, number] = [request.int32(), request.int64()];
      request.int32();
      return found;
    };
    return this.#perPartition(request, read, (topic, [partition, timestamp]) => {
      const end = this.topics.get(topic)?.[partition]?.length ?? 0;
      const offsets = array([timestamp === -2 ? 0 : end], int64);
      return [int32(partition), int16(0), offsets];
    });
  }

  async #fetch(request: Reader): Promise<Buffer> {
    request.int32();
    const maxWaitMs = request.int32();
    request.int32();
    const topics = request.array(() => ({
      name: request.string(),
      partitions: request.array(() => {
        const asked = { partition: request.int32(), offset: request.int64() };
        request.int32();
        return asked;
      }),
    }));
    const isEmpty = (): boolean =>
      topics.every(({ name, partitions }) =>
        partitions.every(
          ({ partition, offset }) => this.#from(name, partition, offset).length === 0,
        ),
      );
    if (isEmpty()) await this.#wait(maxWaitMs);
    return array(topics, ({ name, partitions }) =>
      Buffer.concat([
        string(name),
        array(partitions, ({ partition, offset }) => {
          const end = this.topics.get(name)?.[partition]?.length ?? 0;
          const set = messageSet(this.#from(name, partition, offset), offset);
          return Buffer.concat([int32(partition), int16(0), int64(end), bytes(set)]);
        }),
      ]),
    );
  }

  #from(topic: string, partition: number, offset: number): string[] {
    return this.topics.get(topic)?.[partition]?.slice(offset) ?? [];
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }

  #perPartition<T>(
    request: Reader,
    read: () => T,
    write: (topic: string, asked: T) => Buffer[],
  ): Buffer {
    const topics = request.array(() => ({ name: request.string(), asked: request.array(read) }));
    return array(topics, ({ name, asked }) =>
      Buffer.concat([string(name), array(asked, (each) => Buffer.concat(write(name, each)))]),
    );
  }
}

/** Messages in the format of version 0. Nobody checks the CRC. */
function messageSet(texts: readonly string[], offset: number): Buffer {
  const entries = texts.map((text, index) => {
    const message = [int32(0), int8(0), int8(0), int32(-1), bytes(Buffer.from(text))];
    return Buffer.concat([int64(offset + index), bytes(Buffer.concat(message))]);
  });
  return Buffer.concat(entries);
}

import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { within } from './deadline';

/** A client that writes bytes and keeps what it gets; nothing is done for it. */
export class Peer {
  readonly socket: Socket;
  /** Everything received. */
  received = '';
  /** How the connection ended: the code of the error, or `end` for an orderly FIN of the server. */
  ending: string | undefined;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#changed(() => (this.received += chunk)));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#ended(error.code ?? error.message));
    socket.on('end', () => this.#ended('end'));
    socket.on('close', () => this.#ended('closed'));
  }

  static async tcp(target: NetConnectOpts): Promise<Peer> {
    const peer = new Peer(connectTcp(target));
    await within('the TCP connection', new Promise((done) => peer.socket.once('connect', done)));
    return peer;
  }

  static async tls(target: NetConnectOpts, protocol: string): Promise<Peer> {
    const options = { rejectUnauthorized: false, ALPNProtocols: [protocol] };
    const socket = connectTls({ ...target, ...options });
    const peer = new Peer(socket);
    const done = new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('close', () => reject(new Error(`no TLS handshake: ${peer.ending}`)));
    });
    await within('the TLS handshake', done);
    return peer;
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Sends a GET request for each path. */
  get(...paths: string[]): this {
    return this.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`).join(''));
  }

  /** Resolves when `pattern` has been received. */
  async got(pattern: RegExp): Promise<void> {
    await within(
      `${pattern} in ${JSON.stringify(this.received)}`,
      this.#until(() => pattern.test(this.received)),
    );
  }

  /** Resolves when the server has ended the connection, with how. */
  async ended(): Promise<string> {
    await within(
      'the end of the connection',
      this.#until(() => this.ending !== undefined),
    );
    return this.ending as string;
  }

  /** The `Connection` header of each response received, in order. */
  get connectionHeaders(): string[] {
    return [...this.received.matchAll(/^connection: ([^\r]*)\r$/gim)].map(
      ([, value]) => value as string,
    );
  }

  /** How many responses have been received. */
  get responses(): number {
    return this.received.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0;
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.ending !== undefined && this.socket.destroyed)
        throw new Error(
          `connection ended: ${this.ending}; received ${JSON.stringify(this.received)}`,
        );
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #ended(how: string): void {
    this.#changed(() => (this.ending ??= how));
  }

  #changed(change: () => void): void {
    change();
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
  }
}

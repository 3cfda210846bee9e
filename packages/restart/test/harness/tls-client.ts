import tls from 'node:tls';

/** What came of a TLS connection. */
export interface Handshake {
  /** Whether the session of before was resumed. */
  readonly reused: boolean;
  /** What the server said. */
  readonly text: string;
  readonly ticket: Buffer | undefined;
}

/** Connects with the session of an earlier connection, if any, and reads what the server says. */
export function handshake(port: number, session?: Buffer): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      session,
      maxVersion: 'TLSv1.2' as const,
    };
    const socket = tls.connect(options);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      resolve({ reused: socket.isSessionReused(), text, ticket: socket.getSession() });
      socket.destroy();
    });
  });
}

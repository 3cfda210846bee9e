interface Server {
  readonly variable: string;
  readonly url: string;
}

export declare const SERVERS: Readonly<
  Record<'PostgreSQL' | 'MariaDB' | 'Redis' | 'RabbitMQ' | 'NATS', Server>
>;
export declare const FOUND: 'LASTCALL_TEST_SERVERS';

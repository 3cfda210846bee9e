// The servers that tests talk to, and where they are looked for: at the variable's URL, else at the default.
module.exports.SERVERS = {
  PostgreSQL: { variable: 'DATABASE_URL', url: 'postgres://postgres@127.0.0.1:5432/test' },
  MariaDB: { variable: 'MYSQL_URL', url: 'mysql://root@127.0.0.1:3306/test' },
  Redis: { variable: 'REDIS_URL', url: 'redis://127.0.0.1:6379' },
  RabbitMQ: { variable: 'AMQP_URL', url: 'amqp://guest:guest@127.0.0.1:5672' },
  NATS: { variable: 'NATS_URL', url: 'nats://127.0.0.1:4222' },
};

/** Where the finder tells the tests what it found: JSON, name of a server to `{ url }` or `{ missing: reason }`. */
module.exports.FOUND = 'LASTCALL_TEST_SERVERS';

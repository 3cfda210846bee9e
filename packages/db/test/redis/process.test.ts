import { describeRedis } from '../describe-redis';
import { runProgram } from '../run-program';
import { TcpProxy } from '../tcp-proxy';

const TIMES = { LASTCALL_HAMMER_TIME_MS: '8000', LASTCALL_WAIT_TIME_MS: '9000' };

const OPEN = {
  'redis 6': `
    const { attachRedis } = require('@lastcall/db/redis');
    const client = require('redis').createClient({ url });
    attachRedis(client);
    client.connect().then(() => say('up'));
    const failed = new Promise((resolve) => client.once('reconnecting', resolve));`,
  'redis 5': `
    const { attachRedis } = require('@lastcall/db/redis');
    const client = require('redis-5').createClient({ url });
    attachRedis(client);
    client.connect().then(() => say('up'));
    const failed = new Promise((resolve) => client.once('reconnecting', resolve));`,
  ioredis: `
    const { attachIoredis } = require('@lastcall/db/ioredis');
    const client = new (require('ioredis').Redis)(url);
    attachIoredis(client);
    client.ping().then(() => say('up'));
    const failed = new Promise((resolve) => client.once('reconnecting', resolve));`,
};

describeRedis('a process with a client that nobody hears errors of', (redis) => {
  it.each(Object.entries(OPEN))(
    'does not crash when its server resets %s before its stage comes, and says so in a line',
    async (_name, open) => {
      const proxy = await TcpProxy.to(redis().url);
      const program = runProgram(
        `
        const url = ${JSON.stringify(proxy.via(redis().url))};
        ${open}
        proc.onShutdown(() => { say('stopping'); return failed; }, { name: 'web', stage: 'intake' });`,
        TIMES,
      );
      await program.saw('up');
      program.kill('SIGTERM');
      await program.saw('stopping');
      proxy.reset();
      const { signal, err } = await program.ended;
      expect(signal).toBe('SIGTERM');
      expect(err).toMatch(/LASTCALL_DB_CONNECTION_LOST: a connection of the \w+ pool failed: .+\n/);
      expect(err).toMatch(/resources (redis|ioredis) +ok .* 0 drained, 0 cut\n/);
      expect(err).not.toMatch(/^ +at /m);
      proxy.close();
    },
  );
});

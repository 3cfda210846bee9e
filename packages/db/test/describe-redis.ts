import { describeServer } from '../../../tools/servers/describe-server';
import { TestRedis } from './test-redis';

/** `describeServer()` with keys of the suite's own. `redis()` is the server, inside of tests. */
export function describeRedis(name: string, body: (redis: () => TestRedis) => void): void {
  describeServer('Redis', name, (url) => {
    let redis: TestRedis;
    beforeAll(() => {
      redis = new TestRedis(url);
    });
    beforeEach(() => redis.nextTest());
    afterAll(() => redis.close());
    body(() => redis);
  });
}

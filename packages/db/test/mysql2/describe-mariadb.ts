import { describeServer } from '../../../../tools/servers/describe-server';
import { openMariadb, type TestMariadb } from './test-mariadb';

/** `describeServer()` with a database of the suite's own, its table empty before each test. `mariadb()` is it, inside of tests. */
export function describeMariadb(name: string, body: (mariadb: () => TestMariadb) => void): void {
  describeServer('MariaDB', name, (url) => {
    let mariadb: TestMariadb;
    beforeAll(async () => {
      mariadb = await openMariadb(url);
    });
    beforeEach(() => mariadb.empty());
    afterAll(() => mariadb.close());
    body(() => mariadb);
  });
}

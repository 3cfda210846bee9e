import { describeServer } from '../../../../tools/servers/describe-server';
import { openPostgres, type TestPostgres } from './test-postgres';

/** `describeServer()` with a table of the suite's own, empty before each test. `postgres()` is it, inside of tests. */
export function describePostgres(name: string, body: (postgres: () => TestPostgres) => void): void {
  describeServer('PostgreSQL', name, (url) => {
    let postgres: TestPostgres;
    beforeAll(async () => {
      postgres = await openPostgres(url);
    });
    beforeEach(() => postgres.empty());
    afterAll(() => postgres.close());
    body(() => postgres);
  });
}

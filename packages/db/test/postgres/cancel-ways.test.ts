import { connect } from 'node:net';
import postgres from 'postgres';
import { freePort } from '../../../restart/test/harness/free-port';
import { createPostgresDrain } from '../../src/postgres';
import { describePostgres } from '../pg/describe-postgres';

const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message;

describePostgres('the drain of postgres.js cancels at a server', (server) => {
  const address = (): URL => new URL(server().url);
  const port = (): number => Number(address().port || 5432);

  it.each([
    ['without TLS, which would be preferred', async () => ({ ssl: 'prefer' })],
    [
      'that is not the first of several',
      async () => ({ host: ['127.0.0.1', address().hostname], port: [await freePort(), port()] }),
    ],
    [
      'to which only the application knows the way',
      async () => ({ port: await freePort(), socket: () => connect(port(), address().hostname) }),
    ],
  ])('%s', async (_name, options) => {
    const sql = postgres(server().url, {
      fetch_types: false,
      max: 1,
      connection: { application_name: server().table },
      ...((await options()) as object),
    });
    const drain = createPostgresDrain(sql, { cancelGraceMs: 10_000 });
    const failed = sql.unsafe(server().insert(30)).catch(codeOf);
    await server().sleeping(1);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await failed).toBe('57014');
    expect(cut).toMatchObject([{ state: 'running', outcome: 'rolled back' }]);
    expect(await server().gone()).toEqual([]);
  });
});

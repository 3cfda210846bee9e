import postgresJs from 'postgres';
import { createPgDrain } from '../../src/pg';
import { createPostgresDrain } from '../../src/postgres';
import { describePostgres } from '../pg/describe-postgres';
import { type Negotiation, TlsFront } from './tls-front';

const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message;
const LONG_GRACE = { cancelGraceMs: 10_000 };

describePostgres('a statement behind a front that asks for all that TLS has', (postgres) => {
  let front: TlsFront | undefined;
  afterEach(() => front?.close());

  it.each<Negotiation>(['postgres', 'direct'])('is cancelled for pg (%s)', async (negotiation) => {
    front = await TlsFront.of(postgres().url, negotiation);
    const pool = postgres().pool({
      connectionString: front.url,
      ssl: TlsFront.client(),
      sslnegotiation: negotiation,
    } as object);
    const drain = createPgDrain(pool, LONG_GRACE);
    const failed = pool.query(postgres().insert(30)).catch(codeOf);
    await postgres().sleeping(1);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await failed).toBe('57014');
    expect(cut).toMatchObject([{ state: 'running', outcome: 'rolled back' }]);
  });

  it.each<Negotiation>(['postgres', 'direct'])(
    'is cancelled for postgres.js (%s)',
    async (negotiation) => {
      front = await TlsFront.of(postgres().url, negotiation);
      const sql = postgresJs(front.url, {
        ssl: TlsFront.client(),
        sslnegotiation: negotiation,
        fetch_types: false,
        connection: { application_name: postgres().table },
      } as object);
      const drain = createPostgresDrain(sql, LONG_GRACE);
      const failed = sql.unsafe(postgres().insert(30)).catch(codeOf);
      await postgres().sleeping(1);
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await failed).toBe('57014');
      expect(cut).toMatchObject([{ state: 'running', outcome: 'rolled back' }]);
    },
  );
});

import { isIP } from 'node:net';
import type { CancelTls } from '../postgres-wire/cancel-request';
import type { SqlOptions } from './postgres-sql';

/**
 * How postgres.js uses TLS, of which it knows several words that check no certificate.
 * @param host - Undefined with a unix socket.
 */
export function tlsOf(options: SqlOptions, host: string | undefined): CancelTls | undefined {
  const { ssl, sslnegotiation } = options;
  if (!ssl) return undefined;
  const isUnchecked = ssl === 'require' || ssl === 'allow' || ssl === 'prefer';
  return {
    options: {
      ...(host === undefined || isIP(host) !== 0 ? {} : { servername: host }),
      ...(isUnchecked ? { rejectUnauthorized: false } : {}),
      ...(typeof ssl === 'object' ? ssl : {}),
    },
    isDirect: sslnegotiation === 'direct',
    isOptional: ssl === 'prefer',
  };
}

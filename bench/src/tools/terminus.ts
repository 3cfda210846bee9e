import { setTimeout as delay } from 'node:timers/promises';
import { createTerminus } from '@godaddy/terminus';
import type { Tool } from '../tool';

export const tool: Tool = {
  attach(server, { holdMs = 0 }) {
    createTerminus(server, {
      signal: 'SIGTERM',
      healthChecks: { '/healthcheck': () => Promise.resolve() },
      beforeShutdown: () => delay(holdMs),
    });
  },
};

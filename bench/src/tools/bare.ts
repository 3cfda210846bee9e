import { setTimeout as delay } from 'node:timers/promises';
import { closeServer } from '../close-server';
import type { Tool } from '../tool';

/** Nothing but Node: `server.close()`, then `process.exit()`. */
export const tool: Tool = {
  attach(server, { holdMs = 0 }) {
    process.once('SIGTERM', async () => {
      await delay(holdMs);
      await closeServer(server);
      process.exit(0);
    });
  },
};

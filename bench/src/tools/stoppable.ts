import { setTimeout as delay } from 'node:timers/promises';
import stoppable from 'stoppable';
import type { Tool } from '../tool';

export const tool: Tool = {
  attach(server, { holdMs = 0 }) {
    const stopping = stoppable(server);
    process.once('SIGTERM', async () => {
      await delay(holdMs);
      stopping.stop(() => process.exit(0));
    });
  },
};

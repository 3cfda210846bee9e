import { setTimeout as delay } from 'node:timers/promises';
import { createHttpTerminator } from 'http-terminator';
import type { Tool } from '../tool';

export const tool: Tool = {
  attach(server, { holdMs = 0 }) {
    const terminator = createHttpTerminator({ server });
    process.once('SIGTERM', async () => {
      await delay(holdMs);
      await terminator.terminate();
      process.exit(0);
    });
  },
};

import { setTimeout as delay } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { closeServer } from '../close-server';
import type { Tool } from '../tool';

export const tool: Tool = {
  attach(server, { holdMs = 0 }) {
    closeWithGrace({ delay: 10_000 }, async () => {
      await delay(holdMs);
      await closeServer(server);
    });
  },
};

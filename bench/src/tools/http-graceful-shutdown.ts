import { setTimeout as delay } from 'node:timers/promises';
import gracefulShutdown from 'http-graceful-shutdown';
import type { Tool } from '../tool';

export const tool: Tool = {
  attach(server, { holdMs = 0 }) {
    gracefulShutdown(server, { preShutdown: () => delay(holdMs) });
  },
};

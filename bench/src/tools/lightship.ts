import { closeServer } from '../close-server';
import type { Tool } from '../tool';

export const tool: Tool = {
  async attach(server, { holdMs = 0 }) {
    // Its CommonJS build cannot be loaded (9.0.4).
    const { createLightship } = await import('lightship');
    const lightship = await createLightship({ shutdownDelay: holdMs });
    lightship.registerShutdownHandler(() => closeServer(server));
    lightship.signalReady();
  },
};

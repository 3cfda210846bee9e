import type { Server } from 'node:http';

/** How a tool is to stop the server. */
export interface StopOptions {
  /** How long it goes on serving after SIGTERM before it closes anything, in milliseconds; undefined: its own default. */
  readonly holdMs: number | undefined;
  /** Whether a kept-alive connection is to be closed without waiting for one more request. */
  readonly closeIdleAtOnce: boolean;
}

/** A way to stop an HTTP server at SIGTERM, set up as its documentation says. */
export interface Tool {
  /** Makes `server` stop, and then the process end, at SIGTERM. */
  attach(server: Server, options: StopOptions): void | Promise<void>;
}

/** The tools, as the page calls them. A file of `tools/` each. */
export const TOOL_LABELS = {
  bare: 'node:http, `server.close()`',
  'bare-again': 'bare, once more (the noise)',
  'by-hand': 'by hand: close, destroy each, exit',
  lastcall: '**lastcall**',
  'http-terminator': 'http-terminator',
  stoppable: 'stoppable',
  terminus: '@godaddy/terminus',
  lightship: 'lightship',
  'http-graceful-shutdown': 'http-graceful-shutdown',
  'close-with-grace': 'close-with-grace',
} as const;

/** The identifier of a tool. */
export type ToolName = keyof typeof TOOL_LABELS;

/** The peers that stop an HTTP server. */
export const PEERS = [
  'http-terminator',
  'stoppable',
  'terminus',
  'lightship',
  'http-graceful-shutdown',
] as const satisfies readonly ToolName[];

/** Loads one tool and none of the others. */
export async function loadTool(name: ToolName): Promise<Tool> {
  const { tool } = (await import(`./tools/${name}.js`)) as { tool: Tool };
  return tool;
}

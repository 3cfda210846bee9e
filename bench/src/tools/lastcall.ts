import { attachHttp } from '@lastcall/http';
import { proc } from '@lastcall/proc';
import type { Tool } from '../tool';

export const tool: Tool = {
  attach(server, { holdMs, closeIdleAtOnce }) {
    proc.setup({ logger: false, wrapUpTimeMs: holdMs });
    attachHttp(server, closeIdleAtOnce ? { lingerMs: 0 } : {});
  },
};

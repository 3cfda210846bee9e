// jest's testSequencer. Where nothing is known of earlier runs, as on a clean clone, jest begins with the largest files; a long
// one that comes last keeps one core waiting for the other. The rolling stops come after the long ones, beside the many short ones:
// how soon a balancer hears of a drain is what they test, and next to tests that keep the cores busy it hears late.
const { createRequire } = require('node:module');
const { relative } = require('node:path');

/** Seconds on two cores, roughly: it is the order that counts. */
const LONG = {
  'docs/test/demo.test.ts': 25,
  'docs/test/endless.test.ts': 35,
  'docs/test/examples.test.ts': 50,
  'docs/test/faults.test.ts': 25,
  'docs/test/queues.test.ts': 30,
  'packages/cli/test/control.test.ts': 50,
  'packages/cli/test/run-faults.test.ts': 25,
  'packages/cli/test/run.test.ts': 55,
  'packages/db/test/mysql2/server-faults.test.ts': 35,
  'packages/db/test/pg/server-faults.test.ts': 25,
  'packages/devserver/test/blocked.test.ts': 30,
  'packages/devserver/test/pprof.test.ts': 25,
  'packages/http/test/process.test.ts': 25,
  'packages/proc/test/await-sites/find-await-sites.test.ts': 35,
  'packages/proc/test/diagnostics.test.ts': 50,
  'packages/proc/test/process.test.ts': 30,
  'packages/proc/test/watchdog/blocked-loop.test.ts': 60,
  'packages/queue/test/nats/create-nats-drain.test.ts': 30,
  'packages/restart/test/faults.test.ts': 50,
  'packages/restart/test/sockets.test.ts': 30,
  'packages/service/test/process.test.ts': 30,
};
const OTHERS = 5;
const ROLLING = 'packages/http/test/rolling/';
const AFTER_THE_LONG = 10;

// No dependency of ours: it is looked up where jest finds it.
const jest = ['jest', '@jest/core', 'jest-config'].reduce(
  (from, name) => createRequire(from.resolve(name)),
  require,
);
const { default: TestSequencer } = jest('@jest/test-sequencer');

module.exports = class LongestFirst extends TestSequencer {
  /** In milliseconds. */
  time(test) {
    const { path, context } = test;
    const name = relative(context.config.rootDir, path).replaceAll('\\', '/');
    if (name.startsWith(ROLLING)) return 1000 * AFTER_THE_LONG;
    return super.time(test) ?? 1000 * (LONG[name] ?? OTHERS);
  }
};

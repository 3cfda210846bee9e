// Ways to block an event loop. A test looks for the line with the comment that names the way.
const { readdirSync } = require('node:fs');

/** How long those last that cannot see that they were seen: long enough for a busy machine. */
const LONG_MS = 2000;

const isSeen = (dir) => {
  try {
    return readdirSync(dir).length > 0;
  } catch {
    return false;
  }
};

const culprits = {
  loop(dir) {
    while (!isSeen(dir)) {} // loop
  },
  counting() {
    const end = Date.now() + LONG_MS;
    let i = 0;
    for (; ; i++) if ((i & 0xffff) === 0 && Date.now() > end) return i; // counting
  },
  async promises(dir) {
    while (!isSeen(dir)) await null; // promises
  },
  regex() {
    const end = Date.now() + LONG_MS;
    while (Date.now() < end) /^(a+)+$/.test(`${'a'.repeat(25)}b`); // regex
  },
  json() {
    return String(JSON.parse(globalThis.giant).length); // json
  },
  pbkdf2() {
    return require('node:crypto').pbkdf2Sync('a', 'b', 5e6, 64, 'sha512'); // pbkdf2
  },
  atomics() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LONG_MS); // atomics
  },
  exec() {
    require('node:child_process').execSync('sleep 2'); // exec
  },
};

module.exports = { culprits };

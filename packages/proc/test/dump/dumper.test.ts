import { type Activity, LastcallError } from '../../src';
import { createTestLifecycle } from '../../src/testing';

/** A dump without files and await sites. */
async function dump(...activities: readonly Activity[]) {
  const { lifecycle } = createTestLifecycle();
  lifecycle.activities.addSource(() => activities);
  return lifecycle.dump({ awaits: 'never', write: false });
}

describe('a dump during a stop', () => {
  it.each([
    [100, { maxPauseMs: 1000, deadlineMs: 4300 }],
    [4000, { maxPauseMs: 200, deadlineMs: 400 }],
    [4450, { maxPauseMs: 0, deadlineMs: 0 }],
    [4700, { maxPauseMs: 350, deadlineMs: 700 }],
  ])(
    '%i ms after its begin leaves it the time until the hammer, or until the end',
    async (atMs, limits) => {
      const { lifecycle, environment, clock } = createTestLifecycle();
      const asked: unknown[] = [];
      const { findAwaitSites, ...diagnostics } = environment.diagnostics();
      environment.diagnostics = () => ({
        ...diagnostics,
        findAwaitSites: (options) => {
          asked.push(options);
          return findAwaitSites(options);
        },
      });
      lifecycle.onShutdown(() => new Promise(() => {}));
      void lifecycle.shutdown();
      await clock.advance(atMs);
      await lifecycle.dump({ write: false });
      expect(asked).toEqual([{ force: false, ...limits }]);
    },
  );
});

describe('await sites that are left out to spare the process', () => {
  /** A lifecycle whose dumps leave them out unless they are forced; `forced` has what each dump asked for. */
  function holdingBack(): ReturnType<typeof createTestLifecycle> & { readonly forced: boolean[] } {
    const test = createTestLifecycle();
    const forced: boolean[] = [];
    const { findAwaitSites, ...diagnostics } = test.environment.diagnostics();
    test.environment.diagnostics = () => ({
      ...diagnostics,
      findAwaitSites: async (options) => {
        forced.push(options.force === true);
        const heldBack = options.force !== true;
        return { ...(await findAwaitSites(options)), reason: 'too long', heldBack };
      },
    });
    return { ...test, forced };
  }

  it('are so with a sentence on how to have them: by default for who sends signals', async () => {
    const { lifecycle } = holdingBack();
    const { json, text } = await lifecycle.dump({ write: false });
    expect(json.awaits.reason).toBe(
      "too long; to have it anyway, send the signal again within 10 s or ask with awaits: 'always' (lastcall dump --awaits always)",
    );
    expect(text).toContain('  to have it anyway, send the signal again within 10 s');
    const forced = await lifecycle.dump({ write: false, awaits: 'always' });
    expect(forced.json.awaits.reason).toBe('too long');
  });

  it('or as who offers the dump says', async () => {
    const { lifecycle } = holdingBack();
    const { json } = await lifecycle.dump({ write: false, howToInsist: 'press the button' });
    expect(json.awaits.reason).toBe('too long; to have it anyway, press the button');
    await expect(lifecycle.dump({ howToInsist: 1 } as never)).rejects.toMatchObject({
      code: 'LASTCALL_BAD_OPTION',
    });
  });

  it('are looked for when a second signal follows, but not because of a dump in between that no signal asked for', async () => {
    const { lifecycle, kill, forced } = holdingBack();
    lifecycle.install();
    const dumped = (): Promise<unknown> =>
      new Promise((resolve) => lifecycle.events.once('dump', resolve));
    await lifecycle.dump({ write: false });
    for (let signals = 0; signals < 3; signals++) {
      const made = dumped();
      kill('SIGUSR1');
      await made;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(forced).toEqual([false, false, true, false]);
  });
});

describe('a dump', () => {
  it('keeps to one line what is in flight, whatever its name is', async () => {
    // The last one turns the order of what follows.
    const name = '/\u001b[2J\r\n=== end of dump 1\u2028\u202e';
    const { text, json } = await dump({ kind: 'request', name, ageMs: 1, peer: 'a\nb' });
    expect(text).toContain('/\uFFFD[2J\uFFFD\uFFFD=== end of dump 1\uFFFD\uFFFD  (a\uFFFDb)');
    expect(json.activities.oldest[0]?.name).toBe(name);
  });

  it('shows the beginning of a long name', async () => {
    const { text, json } = await dump({ kind: 'query', name: 'x'.repeat(1e6), ageMs: 1 });
    expect(text.length).toBeLessThan(2000);
    expect(json.activities.oldest[0]?.name).toHaveLength(301);
  });

  it('says of an age that it is a least one', async () => {
    const request = { kind: 'request', name: 'GET /a', ageMs: 3000 };
    const { text, json } = await dump(
      { ...request, ageAtLeast: true },
      { ...request, ageMs: 2000 },
    );
    expect(text).toMatch(/^ +>= 3\.0 s {2}request {2}GET \/a$/m);
    expect(text).toMatch(/^ +2\.0 s {2}request {2}GET \/a$/m);
    expect(json.activities.oldest).toEqual([
      { ...request, ageAtLeast: true },
      { ...request, ageMs: 2000 },
    ]);
  });

  it('leaves out the details of an activity that cannot be read', async () => {
    const broken: Activity = {
      kind: 'query',
      name: 'select',
      ageMs: 1,
      get peer(): string {
        throw new Error('the socket is gone');
      },
    };
    const { json } = await dump(broken);
    expect(json.activities.oldest).toEqual([{ kind: 'query', name: 'select', ageMs: 1 }]);
  });

  it('lists the open handles once, and tells sources of the sockets among them', async () => {
    const { lifecycle, environment } = createTestLifecycle();
    const server = { listening: true };
    const idle = { server, _httpMessage: null, parser: { incoming: null } };
    const answered = { ...idle, _httpMessage: {} };
    const uploading = { ...idle, parser: { incoming: {} } };
    const handles = jest.fn(() => [server, idle, answered, uploading]);
    const diagnostics = environment.diagnostics();
    environment.diagnostics = () => ({ ...diagnostics, handles });
    const told = jest.fn(() => []);
    lifecycle.activities.addSource(told);
    await lifecycle.dump({ awaits: 'never', write: false });
    const accepted = {
      ...{ sockets: [idle, answered, uploading], count: 3 },
      ...{ busy: [answered, uploading], busyCount: 2 },
    };
    expect(told.mock.calls).toEqual([[expect.any(Number), new Map([[server, accepted]])]]);
    expect(handles).toHaveBeenCalledTimes(1);
  });

  it('says which file was written when the disk is full before the other', async () => {
    const { lifecycle, environment, events } = createTestLifecycle({ dumpDir: '/dumps' });
    const write = environment.writeFile.bind(environment);
    environment.writeFile = (path, text) => {
      if (path.endsWith('.json')) throw new LastcallError('LASTCALL_DUMP_NO_SPACE', 'full');
      write(path, text);
    };
    const { files } = await lifecycle.dump({ awaits: 'never' });
    expect(files).toEqual([expect.stringMatching(/^\/dumps\/.*\.txt$/)]);
    expect(environment.stderr).not.toContain('=== lastcall dump');
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        error: expect.objectContaining({ code: 'LASTCALL_DUMP_NO_SPACE' }),
      }),
    );
  });
});

import { type Activity, LastcallError } from '../src';
import { createActivities } from '../src/activities/activities';

describe('activities', () => {
  let now = 0;
  const make = () => createActivities(() => now);

  beforeEach(() => {
    now = 0;
  });

  it('are listed oldest first with their age, from begin to end', () => {
    const activities = make();
    const endFirst = activities.begin({ kind: 'job', name: 'a' });
    now = 10;
    activities.begin({ kind: 'job', name: 'b', owner: 'worker', peer: '10.0.0.1:5432' });
    now = 15;
    expect(activities.list().activities).toEqual([
      { kind: 'job', name: 'a', ageMs: 15 },
      { kind: 'job', name: 'b', owner: 'worker', peer: '10.0.0.1:5432', ageMs: 5 },
    ]);
    endFirst();
    endFirst();
    expect(activities.list().activities.map(({ name }) => name)).toEqual(['b']);
  });

  it('end in any order', () => {
    const activities = make();
    const ends = ['a', 'b', 'c', 'd'].map((name) => activities.begin({ kind: 'job', name }));
    for (const index of [1, 3, 0]) ends[index]?.();
    expect(activities.list().activities.map(({ name }) => name)).toEqual(['c']);
    ends[2]?.();
    activities.begin({ kind: 'job', name: 'e' });
    expect(activities.list().activities.map(({ name }) => name)).toEqual(['e']);
  });

  it('are asked of sources until these are removed; what has no age comes last', () => {
    const activities = make();
    const request: Activity = { kind: 'http request', name: 'GET /', ageMs: null };
    const remove = activities.addSource(() => ({
      counts: { 'http request': 1 },
      activities: [request],
    }));
    activities.begin({ kind: 'job', name: 'a' });
    expect(activities.list().activities.map(({ kind }) => kind)).toEqual(['job', 'http request']);
    remove();
    expect(activities.list().activities.map(({ kind }) => kind)).toEqual(['job']);
  });

  it.each([undefined, null, 'job', {}, { kind: 'job' }, { kind: 1, name: 'a' }])(
    'begin with a kind and a name, not with %p',
    (start) => {
      const activities = make();
      activities.begin({ kind: 'job', name: 'a' });
      expect(() => activities.begin(start as never)).toThrow(
        expect.objectContaining({ code: 'LASTCALL_BAD_OPTION' }),
      );
      expect(activities.list()).toMatchObject({ counts: { job: 1 }, errors: [] });
    },
  );

  it.each([
    [null],
    [{ kind: 'a', name: 1n, ageMs: 0 }],
    [{ kind: 'a', name: 'b', ageMs: 1n }],
    [{ kind: 'a', name: 'b', ageMs: Number.NaN }],
  ])('of a source that lists %p are missing, and those of others are not', (listed) => {
    const activities = make();
    activities.begin({ kind: 'job', name: 'a' });
    activities.addSource(() => [{ kind: 'a', name: 'good', ageMs: 0 }, listed] as never);
    const { counts, activities: found, errors } = activities.list();
    expect(counts).toEqual({ job: 1 });
    expect(found).toHaveLength(1);
    expect(errors).toEqual([expect.objectContaining({ code: 'LASTCALL_ACTIVITY_SOURCE_FAILED' })]);
  });

  it('of a source with very many are counted', () => {
    const activities = make();
    const many = Array.from({ length: 300_000 }, () => ({ kind: 'a', name: 'b', ageMs: 1 }));
    activities.addSource(() => many);
    const { counts, errors } = activities.list(10);
    expect({ counts, errors }).toEqual({ counts: { a: 300_000 }, errors: [] });
  });

  it('of a source that throws are missing, and the error is told', () => {
    const activities = make();
    const cause = new Error('no connection');
    activities.addSource(() => {
      throw cause;
    });
    activities.begin({ kind: 'job', name: 'a' });
    const { activities: listed, errors } = activities.list();
    expect(listed).toHaveLength(1);
    expect(errors).toEqual([
      expect.objectContaining({ code: 'LASTCALL_ACTIVITY_SOURCE_FAILED', cause }),
    ]);
  });

  it('beyond the limit are counted and not listed', () => {
    const activities = make();
    activities.addSource((limit) => ({
      counts: { 'http request': 500 },
      activities: Array.from({ length: limit }, () => ({
        kind: 'http request',
        name: 'GET /',
        ageMs: 5,
      })),
    }));
    activities.begin({ kind: 'job', name: 'a' });
    now = 10;
    const { activities: listed, counts } = activities.list(3);
    expect(listed.map(({ kind }) => kind)).toEqual(['job', 'http request', 'http request']);
    expect(counts).toEqual({ job: 1, 'http request': 500 });
  });

  it('need a function as a source', () => {
    expect(() => make().addSource([] as never)).toThrow(LastcallError);
  });
});

import { GenerationLife } from '../src/generation-life';
import type { Upgrade } from '../src/upgrade';

/** An upgrade whose successor is process 7. */
function upgradeOf7(): { readonly upgrade: Upgrade; readonly stops: () => number } {
  let count = 0;
  const upgrade = {
    pid: 7,
    stop: () => {
      count += 1;
    },
  } as unknown as Upgrade;
  return { upgrade, stops: () => count };
}

function serving(): GenerationLife {
  const life = new GenerationLife();
  life.ready();
  return life;
}

const refusal = (code: string) => expect.objectContaining({ code: `LASTCALL_UPGRADE_${code}` });

it('goes from starting to serving, through an upgrade that fails, to being replaced', () => {
  const life = new GenerationLife();
  expect(life.state).toBe('starting');
  expect(() => life.assertServing()).toThrow(refusal('NOT_READY'));
  life.ready();
  life.beginUpgrade(upgradeOf7().upgrade);
  expect([life.state, life.successorPid]).toEqual(['upgrading', 7]);
  expect(() => life.askSupervisor()).toThrow(refusal('IN_PROGRESS'));
  life.upgradeFailed(true);
  expect([life.state, life.successorPid]).toEqual(['serving', null]);
  expect(life.replacedBy(8)).toBe(true);
  expect([life.state, life.successorPid]).toEqual(['replaced', 8]);
  expect(() => life.assertServing()).toThrow(refusal('REPLACED'));
});

it('a stop leaves an upgrade that is under way to say how it ends', () => {
  const life = serving();
  const { upgrade, stops } = upgradeOf7();
  life.beginUpgrade(upgrade);
  expect(life.stop()).toBe(true);
  expect([life.state, stops()]).toEqual(['upgrading', 1]);
  life.upgradeFailed(false);
  expect(life.state).toBe('stopping');
  expect(() => life.assertServing()).toThrow(refusal('STOPPING'));
});

it('what comes too late changes nothing', () => {
  const replaced = serving();
  replaced.replacedBy(7);
  expect([replaced.stop(), replaced.replacedBy(8), replaced.successorPid]).toEqual([
    false,
    false,
    7,
  ]);
  const stopping = serving();
  stopping.stop();
  stopping.ready();
  stopping.upgradeFailed(true);
  expect([stopping.replacedBy(7), stopping.state]).toEqual([false, 'stopping']);
});

it('whoever asks for an upgrade while another begins is refused', () => {
  const life = serving();
  life.askSupervisor();
  expect(life.state).toBe('upgrading');
  expect(() => life.beginUpgrade(upgradeOf7().upgrade)).toThrow(refusal('IN_PROGRESS'));
});

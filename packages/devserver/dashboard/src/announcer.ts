import type { Headline } from './headline.js';
import { pagePart } from './page-part.js';

/** Tells screen readers what changed, once: alarms at once, the rest when they pause. Numbers that tick are not told. */
export function createAnnouncer(): (headline: Headline) => void {
  const polite = pagePart('announcement', HTMLElement);
  const alarm = pagePart('alarm', HTMLElement);
  let said = '';
  return ({ key, tone, title, detail }) => {
    if (key === said) return;
    said = key;
    polite.textContent = tone === 'danger' ? '' : `${title}. ${detail}`;
    alarm.textContent = tone === 'danger' ? `${title}. ${detail}` : '';
  };
}

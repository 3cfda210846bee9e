import { hasToken } from './access-token.js';
import { formatClock, formatDuration } from './format.js';
import type { Headline } from './headline.js';
import type { Moment } from './moment.js';
import { pagePart, setText } from './page-part.js';
import type { Status } from './status.js';

/** Shows the headline, the name of the process, and how fresh it all is. */
export function createHeadlineView(): (headline: Headline, moment: Moment) => void {
  const section = pagePart('headline', HTMLElement);
  const title = pagePart('headline-title', HTMLElement);
  const detail = pagePart('headline-detail', HTMLElement);
  const value = pagePart('headline-value', HTMLElement);
  const label = pagePart('headline-label', HTMLElement);
  const link = pagePart('link-state', HTMLElement);
  const tokenForm = pagePart('token-form', HTMLFormElement);
  const links = pagePart('links', HTMLElement);
  const identity = createIdentityView();

  return (headline, moment) => {
    section.dataset.tone = headline.tone;
    section.dataset.kind = moment.kind;
    setText(title, headline.title);
    setText(detail, headline.detail);
    setText(value, headline.figure?.value ?? '');
    setText(label, headline.figure?.label ?? '');
    tokenForm.hidden = moment.kind !== 'locked';
    links.hidden = moment.kind === 'locked' || hasToken();
    link.dataset.kind = moment.kind;
    setText(link, linkText(moment));
    document.body.dataset.stale = String(['blocked', 'lost', 'gone'].includes(moment.kind));
    if ('last' in moment) identity(moment.last.status);
    document.title = `${headline.title} · ${'last' in moment ? moment.last.status.process.name : 'lastcall'}`;
  };
}

function createIdentityView(): (status: Status) => void {
  const name = pagePart('process-name', HTMLElement);
  const facts = pagePart('process-facts', HTMLElement);
  return ({ process }) => {
    setText(name, process.name);
    setText(facts, `pid ${process.pid} · ${process.host} · Node ${process.node.replace(/^v/, '')}`);
  };
}

function linkText(moment: Moment): string {
  if (moment.kind === 'live') return 'live';
  if (moment.kind === 'blocked') return 'live, main thread silent';
  if (!('last' in moment)) return moment.kind === 'connecting' ? 'connecting' : 'not connected';
  const when = formatClock(new Date(Date.now() - moment.sinceMs));
  return `state of ${when}, ${formatDuration(moment.sinceMs)} old`;
}

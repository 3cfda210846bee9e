import { keepToken, takeTokenFromAddress } from './access-token.js';
import { createActivityTable } from './activity-table.js';
import { createAnnouncer } from './announcer.js';
import { headlineOf } from './headline.js';
import { createHeadlineView } from './headline-view.js';
import { createHistory } from './history.js';
import { createListenerTable } from './listener-table.js';
import { lifecycleAt, type Moment, momentOf } from './moment.js';
import { pagePart } from './page-part.js';
import { createProcessCharts } from './process-charts.js';
import { createTools } from './tools.js';
import { type Connection, watchStatus } from './watch-status.js';

/** A stop takes seconds: it is followed more closely than a process that runs. */
const STOPPING_TICK_MS = 100;
const TICK_MS = 1000;

takeTokenFromAddress();

const showHeadline = createHeadlineView();
const announce = createAnnouncer();
const showListeners = createListenerTable();
const showActivities = createActivityTable();
const showCharts = createProcessCharts();
const history = createHistory();
const tools = createTools();
const calm = matchMedia('(prefers-reduced-motion: reduce)');

let connection: Connection = { kind: 'connecting' };
let ticker: ReturnType<typeof setTimeout> | undefined;
let unwatch = watchStatus(hear);

function hear(heard: Connection): void {
  connection = heard;
  if (heard.kind === 'live') {
    history.add(heard.last.status, Date.now());
    showActivities(heard.last.status);
    tools.setProcess(heard.last.status.process);
    tools.setProfiling(heard.last.status.profiling);
  }
  showCharts(history.samples());
  tick();
}

/** Shows what changes by itself, with time alone. */
function tick(): void {
  clearTimeout(ticker);
  const moment = momentOf(connection, performance.now());
  const headline = headlineOf(moment);
  const lifecycle = lifecycleAt(moment);
  showHeadline(headline, moment);
  announce(headline);
  if (lifecycle !== null) showListeners(lifecycle);
  ticker = setTimeout(tick, tickMs(moment));
}

function tickMs(moment: Moment): number {
  const lifecycle = lifecycleAt(moment);
  const isFast =
    moment.kind === 'blocked' || (moment.kind === 'live' && lifecycle?.stoppingMs !== null);
  return isFast && !calm.matches ? STOPPING_TICK_MS : TICK_MS;
}

pagePart('token-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const field = pagePart('token', HTMLInputElement);
  keepToken(field.value);
  field.value = '';
  unwatch();
  unwatch = watchStatus(hear);
});

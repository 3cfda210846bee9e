import { ask } from './access-token.js';
import { pagePart, setText } from './page-part.js';

/** What one button asks the devserver for. */
export interface ToolOptions {
  /** Id of its form, in which `button[type=submit]`, and `output` are. */
  readonly id: string;
  /** Reads the form. */
  request(form: FormData): ToolRequest;
  done(content: Blob, request: ToolRequest): void;
}

/** One request that takes a while. */
export interface ToolRequest {
  readonly path: string;
  /** How long the process measures; null when it answers as soon as it can. */
  readonly seconds: number | null;
}

type ToolState =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'running';
      readonly request: ToolRequest;
      readonly since: number;
      readonly stop: AbortController;
    }
  | { readonly kind: 'failed'; readonly why: string };

/** How long an answer may take beyond the time that is measured: a large heap takes seconds to be written. */
const GRACE_MS = 60_000;
const TICK_MS = 200;

/** Makes a form ask the devserver, one request at a time, with progress, cancel and the reason of a failure. */
export function createTool(options: ToolOptions): void {
  const form = pagePart(options.id, HTMLFormElement);
  const submit = form.querySelector('button') as HTMLButtonElement;
  const progress = form.querySelector('progress');
  const output = form.querySelector('output') as HTMLOutputElement;
  const label = submit.textContent ?? '';
  let state: ToolState = { kind: 'idle' };
  let ticker: ReturnType<typeof setInterval> | undefined;

  function become(next: ToolState): void {
    state = next;
    clearInterval(ticker);
    if (next.kind === 'running') ticker = setInterval(show, TICK_MS);
    show();
  }

  function show(): void {
    form.dataset.state = state.kind;
    const isRunning = state.kind === 'running';
    setText(submit, isRunning ? 'Cancel' : label);
    // Whatever the fields say by now, it can be cancelled.
    submit.formNoValidate = isRunning;
    // A failure is to be heard, the seconds that pass are not.
    output.ariaLive = isRunning ? 'off' : 'polite';
    setText(output, stateText(state));
    if (progress !== null) showProgress(progress, state);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (state.kind === 'running') state.stop.abort();
    else void run(options.request(new FormData(form)));
  });

  async function run(request: ToolRequest): Promise<void> {
    const stop = new AbortController();
    become({ kind: 'running', request, since: performance.now(), stop });
    try {
      const deadline = AbortSignal.timeout((request.seconds ?? 0) * 1000 + GRACE_MS);
      const response = await ask(request.path, AbortSignal.any([stop.signal, deadline]));
      if (!response.ok) return become({ kind: 'failed', why: await refusal(response) });
      const content = await response.blob();
      become({ kind: 'idle' });
      options.done(content, request);
    } catch (thrown) {
      become(stop.signal.aborted ? { kind: 'idle' } : { kind: 'failed', why: failure(thrown) });
    }
  }
}

function showProgress(progress: HTMLProgressElement, state: ToolState): void {
  const seconds = state.kind === 'running' ? state.request.seconds : null;
  progress.hidden = seconds === null;
  if (state.kind !== 'running' || seconds === null) return;
  const passed = (performance.now() - state.since) / 1000 / seconds;
  if (passed < 1) progress.value = passed;
  else progress.removeAttribute('value');
}

function stateText(state: ToolState): string {
  if (state.kind === 'failed') return state.why;
  if (state.kind === 'idle') return '';
  const { request, since } = state;
  if (request.seconds === null) return 'asking …';
  const left = request.seconds - (performance.now() - since) / 1000;
  return left > 0 ? `${Math.ceil(left)} s left` : 'collecting …';
}

async function refusal(response: Response): Promise<string> {
  if (response.status === 409) return 'A profile runs already: one at a time.';
  const text = (await response.text()).trim().slice(0, 200);
  return `Refused: ${response.status}${text === '' ? '' : `, ${text}`}`;
}

function failure(thrown: unknown): string {
  const timedOut = thrown instanceof DOMException && thrown.name === 'TimeoutError';
  return timedOut ? 'No answer in time.' : 'The devserver cannot be reached.';
}

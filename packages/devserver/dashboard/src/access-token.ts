const STORAGE_KEY = 'lastcall.devserver.token';

/**
 * Takes the token out of the page's address (`#token=…` or `?token=…`) and keeps it for this tab, so that it stands
 * neither in the address bar nor in the history.
 */
export function takeTokenFromAddress(): void {
  const address = new URL(location.href);
  const fragment = new URLSearchParams(address.hash.slice(1));
  const token = fragment.get('token') ?? address.searchParams.get('token');
  if (token === null) return;
  keepToken(token);
  fragment.delete('token');
  address.searchParams.delete('token');
  address.hash = fragment.toString();
  history.replaceState(null, '', address);
}

/** Keeps a token until the tab is closed. */
export function keepToken(token: string): void {
  sessionStorage.setItem(STORAGE_KEY, token.trim());
}

/** Whether there is a token, so that plain links are refused. */
export function hasToken(): boolean {
  return sessionStorage.getItem(STORAGE_KEY) !== null;
}

/** Asks the devserver, with the token when there is one. Paths are relative to the page. */
export function ask(path: string, signal: AbortSignal): Promise<Response> {
  const token = sessionStorage.getItem(STORAGE_KEY);
  const headers: HeadersInit = token === null ? {} : { authorization: `Bearer ${toHeader(token)}` };
  return fetch(path, { headers, signal, cache: 'no-store', redirect: 'error' });
}

/** Of other characters no header can be made: fetch throws, as it does without a network. No token has them. */
function toHeader(token: string): string {
  return token.replace(/[^\x20-\x7e]/g, '?');
}

import { LastcallError, toError } from '../lastcall-error';

/** A session of the inspector with this thread, of our own: what others do in theirs is not touched. */
export interface InspectorConnection {
  /** Sends a command; rejects with what V8 answers. */
  post<T>(method: string, parameters?: object): Promise<T>;
  /** The same before it returns, which V8 does for a session of its own thread; throws what V8 answers. */
  call<T>(method: string): T;
  /** Ends the session, and with it what it has running. Never throws. */
  close(): void;
}

/**
 * Opens a session. It keeps nothing alive and opens no port.
 *
 * @throws LastcallError `LASTCALL_PROFILE_UNAVAILABLE`
 */
export function openInspector(): InspectorConnection {
  try {
    // A Node built without the inspector throws here, not where this file is loaded.
    const { Session } = require('node:inspector') as typeof import('node:inspector');
    const session = new Session();
    session.connect();
    return connectionOf(session);
  } catch (cause) {
    throw new LastcallError(
      'LASTCALL_PROFILE_UNAVAILABLE',
      `the inspector of this process cannot be used: ${toError(cause).message}; with --permission, Node needs ` +
        '--allow-inspector, where it has it',
      { cause },
    );
  }
}

function connectionOf(session: import('node:inspector').Session): InspectorConnection {
  return {
    post: <T>(method: string, parameters?: object) =>
      new Promise<T>((resolve, reject) => {
        session.post(method, parameters, (error: unknown, answer?: unknown) => {
          if (error === null) resolve(answer as T);
          else reject(answerError(error));
        });
      }),
    call: <T>(method: string) => callNow<T>(session, method),
    close: () => {
      try {
        session.disconnect();
      } catch {
        // It is closed already.
      }
    },
  };
}

function callNow<T>(session: import('node:inspector').Session, method: string): T {
  let settled: { readonly error: unknown; readonly answer?: unknown } | undefined;
  session.post(method, (error: unknown, answer?: unknown) => {
    settled = { error, answer };
  });
  if (settled === undefined) throw new Error(`V8 did not answer ${method} at once`);
  if (settled.error !== null) throw answerError(settled.error);
  return settled.answer as T;
}

/** V8 answers with an Error, or with `{ code, message }` where Node does not wrap it. */
function answerError(error: unknown): Error {
  const message = (error as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? new Error(message, { cause: error }) : toError(error);
}

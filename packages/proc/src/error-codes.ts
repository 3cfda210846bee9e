/**
 * Every code a {@link LastcallError} can carry, with what it means.
 *
 * `docs/errors.md` has one section per code; a test compares the two.
 */
export const ERROR_CODES = {
  LASTCALL_BAD_OPTION: 'an option is unknown, of the wrong type or out of range',
  LASTCALL_BAD_ENVIRONMENT: 'an environment variable of lastcall holds a value it cannot use',
  LASTCALL_BAD_TIMES: 'wrapUpTimeMs < hammerTimeMs < waitTimeMs does not hold',
  LASTCALL_BAD_LISTENER: 'a listener, hook or recipient is not a function',
  LASTCALL_UNKNOWN_STAGE: 'a shutdown stage that does not exist',
  LASTCALL_UNKNOWN_SIGNAL: 'a signal name this platform does not have',
  LASTCALL_UNCATCHABLE_SIGNAL: 'a signal that no process, or no JavaScript, can catch',
  LASTCALL_SIGNAL_RECEIVED: 'the reason of an AbortSignal made by signals.notifyContext()',
  LASTCALL_STOPPING: 'the reason of proc.done: the stop of the process has begun',
  LASTCALL_HAMMER: "the reason of a listener's AbortSignal: the hammer fell, cut what is in flight",
  LASTCALL_LISTENER_TIMEOUT: "the reason of a listener's AbortSignal: its own timeoutMs is over",
  LASTCALL_DEADLOCK: 'a listener waits for one that cannot settle before itself',
  LASTCALL_BAD_PROBE: 'a health probe without a name, or with one that is taken',
  LASTCALL_REPORT_NOT_WRITTEN: 'the file named by LASTCALL_REPORT could not be written',
  LASTCALL_GRACE_TOO_SHORT: 'waitTimeMs does not fit into LASTCALL_GRACE_PERIOD_MS',
  LASTCALL_NOT_DRAINED: 'a socket listens that nothing drains',
  LASTCALL_EVENT_HANDLER_FAILED: 'a handler of an event, or a logger, threw',
  LASTCALL_SIGNAL_HOOK_FAILED: 'a signal hook or recipient threw',
  LASTCALL_SIGNAL_DISABLED: 'Node keeps the signal for dumps from the program',
  LASTCALL_DUMP_FAILED: 'a dump that a signal asked for could not be made',
  LASTCALL_ACTIVITY_SOURCE_FAILED: 'a source of activities threw when it was asked for a list',
  LASTCALL_DUMP_DIR_UNSAFE: 'the directory for dump files is not one that only we can write to',
  LASTCALL_DUMP_TOO_LARGE: 'a dump file would be larger than the limit for one file',
  LASTCALL_DUMP_NO_SPACE: 'there is too little space left for a dump file',
  LASTCALL_DUMP_NOT_WRITTEN: 'a dump file could not be written',
  LASTCALL_WATCHDOG_UNAVAILABLE: 'the watchdog cannot work in this process',
  LASTCALL_WATCHDOG_DIED: "the watchdog's thread is gone",
  LASTCALL_PROFILE_RUNNING: 'a profile runs already',
  LASTCALL_PROFILE_TOO_SOON: 'a profile was started less than a second after the last one',
  LASTCALL_PROFILE_UNAVAILABLE: 'this process cannot be profiled: no inspector, or no permission',
  LASTCALL_PROFILE_TAKEN: "somebody else's profiler has what can run only once at a time",
  LASTCALL_PROFILE_FAILED: 'V8 failed to start a profile, or to give one back',
  LASTCALL_HTTP_BAD_SERVER: 'what was given to attachHttp() is not an HTTP server',
  LASTCALL_HTTP_ALREADY_ATTACHED: 'the server is attached already',
  LASTCALL_HTTP_SERVER_CLOSED: 'the server was closed before it was attached',
  LASTCALL_DB_BAD_POOL:
    'what was given to an attach function of @lastcall/db is not what its driver makes',
  LASTCALL_DB_ALREADY_ATTACHED: 'the pool or client is attached already',
  LASTCALL_DB_CLOSED: 'the pool or client was closed before it was attached',
  LASTCALL_DB_DRAINING: 'new work was refused: the pool drains, or is closed, as the process stops',
  LASTCALL_DB_CUT: 'the hammer fell: the work was cut, or never got a connection',
  LASTCALL_DB_LEAK: 'a connection has been held for longer than leakMs',
  LASTCALL_DB_CONNECTION_LOST: 'an idle connection of a pool failed',
  LASTCALL_DB_CLOSE_FAILED: "the driver's own close of a pool failed",
  LASTCALL_DB_CLOSE_LATE: "the driver's own close of a pool did not end in time",
  LASTCALL_DEVSERVER_IN_USE: 'the port or socket of the devserver is taken',
  LASTCALL_DEVSERVER_TOKEN_NEEDED: 'a devserver that others can reach was given no token',
  LASTCALL_DEVSERVER_NOT_STARTED: 'the devserver could not listen',
  LASTCALL_DEVSERVER_GONE: 'the worker of the devserver ended by itself',
  LASTCALL_SERVICE_FAILED: 'a service of a group failed to start, to run or to stop',
  LASTCALL_SERVICE_GROUP_STARTED:
    'a service was added to, or start() called on, a group that has started',
} as const;

/** A stable reason for an error; branch on it, never on the message. */
export type LastcallErrorCode = keyof typeof ERROR_CODES;

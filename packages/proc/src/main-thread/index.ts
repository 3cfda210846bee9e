// For the threads that look at a main thread that is blocked: the watchdog's, and those of other packages.

export { type Interruption, MainThreadSession } from '../watchdog/main-thread-session';

import { createRestart } from './create-restart';
import type { Restart } from './restart';
import { singleton } from './singleton';

// For everybody: sockets that outlive the process, and its replacement.

/**
 * Named sockets and upgrades of this process. All copies of the package, through `require` or `import`, share it.
 *
 * Importing it does nothing observable; the first use does.
 */
export const restart: Restart = singleton('@lastcall/restart.v0', () => createRestart());

export type { AfterReason, UpgradeHooks } from './overlap-hooks';
export type { GenerationState, Restart, RestartStatus } from './restart';
export type { NotifySender, RestartOptions, RestartSettings } from './settings';
export type { BindOptions, ListenOptions } from './sockets/listen-options';
export type { BoundSocket } from './sockets/socket-binder';
export type { StartCommand } from './start-command';

// For tests and embedding.

export { createRestart, type RestartParts } from './create-restart';
export type { RestartEnvironment } from './restart-environment';

export { type App, type BootstrapOptions, bootstrap } from './bootstrap';
export {
  type Service,
  type StartContext,
  type Starter,
  type StopContext,
  withStart,
  withStarter,
} from './service';
export { createServiceGroup, type GroupStateName, ServiceGroup } from './service-group';
export type { ServiceGroupOptions } from './service-group-options';
export type { ServiceState } from './service-run';

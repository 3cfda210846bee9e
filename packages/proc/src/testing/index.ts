export type { Environment } from '../environment';
export { createTestLifecycle, type TestLifecycle } from './create-test-lifecycle';
export { FakeClock, settle } from './fake-clock';
export { FakeEnvironment, type FakeEnvironmentOptions, type ProcessEnd } from './fake-environment';

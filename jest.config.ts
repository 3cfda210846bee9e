/**
 * Loaded without a check of its types, which takes longer than many a test: `npm run types` checks them.
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import { availableParallelism } from 'node:os';
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@lastcall/source', 'node', 'node-addons'] },
  globalSetup: '<rootDir>/tools/before-tests.cjs',
  globalTeardown: '<rootDir>/tools/after-tests.cjs',
  roots: ['<rootDir>/packages', '<rootDir>/docs'],
  testMatch: ['**/test/**/*.test.ts'],
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.base.json' }] },
  testSequencer: '<rootDir>/tools/longest-first.cjs',
  modulePathIgnorePatterns: ['/dist/'],
  testTimeout: 30_000,
  // Most tests wait for processes of their own, which keeps no core busy.
  maxWorkers: 2 * availableParallelism(),
};

export default config;

import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@lastcall/source', 'node', 'node-addons'] },
  roots: ['<rootDir>/packages', '<rootDir>/docs'],
  testMatch: ['**/test/**/*.test.ts'],
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.base.json' }] },
  modulePathIgnorePatterns: ['/dist/'],
  testTimeout: 30_000,
};

export default config;

import type { PrismaPg } from '@prisma/adapter-pg';
import { type GetPrismaClientConfig, getPrismaClient } from '@prisma/client/runtime/client';

interface Queries {
  $executeRawUnsafe(sql: string): Promise<number>;
}

interface Client extends Queries {
  $transaction(
    body: (transaction: Queries) => Promise<void>,
    options?: { timeout?: number },
  ): Promise<unknown>;
  $disconnect(): Promise<void>;
}

/** Types for Node leave it to those for browsers. */
const { Module } = (
  globalThis as unknown as { WebAssembly: { Module: new (code: Buffer) => never } }
).WebAssembly;

// What `prisma generate` writes for a schema without models: with it the tests need no generator.
const config: GetPrismaClientConfig = {
  previewFeatures: [],
  clientVersion: '7.10.1',
  engineVersion: 'd1b3f377ca835d73fd50954a5e22128b9ebdd6b8',
  activeProvider: 'postgresql',
  inlineSchema: 'datasource db {\n  provider = "postgresql"\n}\n',
  runtimeDataModel: { models: {}, enums: {}, types: {} },
  parameterizationSchema: { strings: [], graph: 'AAAA' },
  compilerWasm: {
    getRuntime: async () => require('@prisma/client/runtime/query_compiler_fast_bg.postgresql.js'),
    getQueryCompilerWasmModule: async () => {
      const {
        wasm,
      } = require('@prisma/client/runtime/query_compiler_fast_bg.postgresql.wasm-base64.js');
      return new Module(Buffer.from(wasm, 'base64'));
    },
    importName: './query_compiler_fast_bg.js',
  },
};

const PrismaClient = getPrismaClient(config) as unknown as new (options: {
  adapter: PrismaPg;
}) => Client;

/** A PrismaClient that knows no models. */
export function createPrismaClient(adapter: PrismaPg): Client {
  return new PrismaClient({ adapter });
}

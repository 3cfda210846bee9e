import { getHeapStatistics } from 'node:v8';

/**
 * `process.memoryUsage()`. Reading how much is in RAM takes a file descriptor: where there is none left, `rss` is the most
 * there ever was, and `arrayBuffers` 0.
 */
export function memoryUsage(): NodeJS.MemoryUsage {
  try {
    return process.memoryUsage();
  } catch {
    const { used_heap_size, total_heap_size, external_memory } = getHeapStatistics();
    return {
      rss: process.resourceUsage().maxRSS * 1024,
      heapUsed: used_heap_size,
      heapTotal: total_heap_size,
      external: external_memory,
      arrayBuffers: 0,
    };
  }
}

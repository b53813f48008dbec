import { basename } from 'node:path';

/**
 * The program of a gateway thread: beside this file in a checkout; in a release beside the programs, while this code may lie in a
 * shared chunk one folder below.
 */
export function workerFile(self: string = import.meta.url): URL {
  if (new URL(self).pathname.endsWith('.ts')) return new URL('./worker.ts', self);
  const inChunk = basename(new URL('.', self).pathname) === 'chunks';
  return new URL(inChunk ? '../gateway-worker.mjs' : './gateway-worker.mjs', self);
}

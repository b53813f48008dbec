import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../durable-file.ts';

const FILE_NAME = 'endpoints.json';
const FORMAT = 1;

const saved = z.object({
  format: z.literal(FORMAT),
  services: z.record(z.string(), z.array(z.string().max(300)).nullable()),
});

/** Endpoints by `namespace/name:port`; undefined: there is no such Service. */
export type KnownEndpoints = ReadonlyMap<string, readonly string[] | undefined>;

/** Keeps the endpoints of Services on the disk, so that an agent that starts without its API server serves with those that were there last. */
export interface EndpointFile {
  read(): Promise<KnownEndpoints>;
  /** @throws PortolanError DISK_FULL, DATA_DIR_INVALID */
  write(known: KnownEndpoints): Promise<void>;
}

export function endpointFile(dataDir: string): EndpointFile {
  const path = join(dataDir, FILE_NAME);
  return {
    /** A file that is missing, damaged or of another format counts as none: the API server tells the same. */
    async read() {
      try {
        const { services } = saved.parse(JSON.parse(await readFile(path, 'utf8')));
        return new Map(Object.entries(services).map(([service, names]) => [service, names ?? undefined]));
      } catch {
        return new Map();
      }
    },
    write(known) {
      const services = Object.fromEntries([...known].map(([service, names]) => [service, names ?? null]));
      return writeDurably(path, Buffer.from(JSON.stringify({ format: FORMAT, services })));
    },
  };
}

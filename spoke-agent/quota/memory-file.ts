import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpokeMemory } from '../../src/quota/spoke-contract.ts';
import { writeDurably } from '../durable-file.ts';

const MEMORY_FILE = 'quota.json';
const VERSION = 1;

/** What the quota keeps from one start of the data process to the next. */
export interface QuotaMemoryFile {
  /** Undefined: there is none, or it cannot be read. What is not known is not used: floors stay shut until the hub gives them again. */
  read(): Promise<SpokeMemory | undefined>;
  /** Resolves when it is durable, rejects when it is not. One after the other. */
  write(memory: SpokeMemory): Promise<void>;
}

export function quotaMemoryFile(dataDir: string): QuotaMemoryFile {
  const path = join(dataDir, MEMORY_FILE);
  let last: Promise<void> = Promise.resolve();
  return {
    async read() {
      try {
        return memoryOf(JSON.parse(await readFile(path, 'utf8')));
      } catch {
        return undefined;
      }
    },
    write(memory) {
      const octets = Buffer.from(`${JSON.stringify({ version: VERSION, ...memory })}\n`);
      const written = last.then(() => writeDurably(path, octets));
      last = written.catch(() => undefined);
      return written;
    },
  };
}

/** By hand: the data process has no schema library. */
function memoryOf(stored: unknown): SpokeMemory | undefined {
  if (!isRecord(stored) || stored.version !== VERSION) return undefined;
  const { shares, givenWallMs, leaseMs, ledger, waivedSinceMs } = stored;
  if (typeof givenWallMs !== 'number' || !Array.isArray(shares)) return undefined;
  return {
    givenWallMs,
    shares: shares.flatMap((share: unknown) =>
      isRecord(share) && typeof share.scope === 'string' && isShare(share.millionths)
        ? [{ scope: share.scope, millionths: share.millionths }]
        : [],
    ),
    ...(typeof leaseMs === 'number' ? { leaseMs } : {}),
    ...(typeof ledger === 'string' ? { ledger } : {}),
    ...(typeof waivedSinceMs === 'number' ? { waivedSinceMs } : {}),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 1_000_000;
}

import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { TargetMemory } from '../../src/health/types.ts';
import type { Store } from '../store/contract.ts';
import type { HubHealth } from './health.ts';

/** What health decided survives a restart of the hub: a withdrawn endpoint is not admitted again because nobody remembers. */
export interface HealthMemory {
  /**
   * Takes over what the process before this one saved. Damaged memory is dropped: votes make it anew within seconds.
   * @returns whether there was any
   */
  restore(): Promise<boolean>;
  /** Saves when a state or a flap count differs from what was saved; call it every second. */
  save(): Promise<void>;
}

const META_KEY = 'health/memory';

const memorySchema = z.record(
  z.string(),
  z.object({
    state: z.enum(['up', 'down', 'unknown']),
    sinceWallMs: z.number(),
    changedAgoMs: z.number().min(0),
    flaps: z.number().int().min(0),
    recoveringForMs: z.number().min(0).optional(),
  }),
);

export function createHealthMemory(
  store: Pick<Store, 'getMeta' | 'putMeta'>,
  health: Pick<HubHealth, 'memories' | 'restore' | 'authoritative'>,
  log: { warn(details: object, message: string): void },
): HealthMemory {
  let saved = '';
  let saving = false;
  let complained = false;
  return {
    async restore() {
      const text = await store.getMeta(META_KEY);
      if (text === undefined) return false;
      try {
        const memories = parseMemory(text);
        health.restore(memories);
        return Object.keys(memories).length > 0;
      } catch (thrown) {
        log.warn({ err: thrown }, 'the stored health memory cannot be read; states begin as unknown');
        return false;
      }
    },
    async save() {
      // A hub that has just started knows less than what is saved.
      if (saving || !health.authoritative) return;
      const memories = health.memories();
      const fingerprint = JSON.stringify(Object.entries(memories).map(([id, m]) => [id, m.state, m.flaps]));
      if (fingerprint === saved) return;
      saving = true;
      try {
        await store.putMeta(META_KEY, JSON.stringify(memories));
        saved = fingerprint;
        complained = false;
      } catch (thrown) {
        if (!complained)
          log.warn({ err: PortolanError.from(thrown) }, 'health memory not saved; it is tried again');
        complained = true;
      } finally {
        saving = false;
      }
    },
  };
}

function parseMemory(text: string): Readonly<Record<string, TargetMemory>> {
  const parsed = memorySchema.parse(JSON.parse(text));
  return Object.fromEntries(
    Object.entries(parsed).map(([id, { recoveringForMs, ...memory }]) => [
      id,
      { ...memory, ...(recoveringForMs === undefined ? {} : { recoveringForMs }) },
    ]),
  );
}

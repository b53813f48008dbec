import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { domainName } from '../../src/resources/fields.ts';
import type { Store } from '../store/contract.ts';
import type { WantedName } from './zone-worker.ts';

/** What a hub remembers of a zone at a provider beyond its own end. Immutable. */
export interface ZoneMemory {
  /** Applied last; 0: nothing was written yet. */
  readonly generation: number;
  /** RFC 3339. */
  readonly appliedAt?: string;
  /** Newest first; of each the content is kept. */
  readonly history: readonly { readonly generation: number; readonly at: string; readonly summary: string }[];
  /** Hashes of plans that a person let through and that were not applied yet. */
  readonly approved: readonly string[];
  /** Digests of what stood at foreign names when a person gave them to us. */
  readonly adopted: ReadonlyMap<DomainName, string>;
  /** A rollback holds the zone at the content of this generation. */
  readonly heldAtGeneration?: number;
}

export const NOTHING_YET: ZoneMemory = { generation: 0, history: [], approved: [], adopted: new Map() };

/**
 * Generations of zones at providers, in the hub's store. A zone is `namespace/provider/origin`: deleted and created again it counts on.
 * The caller has confirmed that this hub leads before it writes.
 */
export interface Generations {
  /** @throws PortolanError STORE_CORRUPT */
  load(zone: string): Promise<ZoneMemory>;
  save(zone: string, memory: ZoneMemory): Promise<void>;
  /** The number of the next generation, durably, above `found`: what the zone's fence says. */
  next(zone: string, found: number): Promise<number>;
  /** Keeps what was wanted of each name. Others than those of the saved history, and the one that a rollback holds, may go. */
  keepContent(zone: string, generation: number, names: readonly WantedName[]): Promise<void>;
  /** `undefined` when it is not kept any more. */
  content(zone: string, generation: number): Promise<readonly WantedName[] | undefined>;
}

/** A rollback goes back this many changes at most; numbers of plans that were never applied do not count. */
export const GENERATIONS_KEPT = 20;
/** A counter that was restored from a backup catches up with what a zone's fence says, but not for ever. */
const MAX_CATCH_UP = 10_000;

const memorySchema = z.object({
  generation: z.number().int(),
  appliedAt: z.string().optional(),
  history: z.array(z.object({ generation: z.number().int(), at: z.string(), summary: z.string() })),
  approved: z.array(z.string()),
  adopted: z.array(z.tuple([domainName, z.string()])),
  heldAtGeneration: z.number().int().optional(),
});

const slotsSchema = z.array(z.number().int());

const recordSet = z.object({
  name: domainName,
  type: z.string(),
  setId: z.string(),
  ttlSeconds: z.number().optional(),
  values: z.array(z.string()),
  native: z.record(z.string(), z.json()).optional(),
});

const contentSchema = z.object({
  generation: z.number().int(),
  names: z.array(
    z.object({
      desired: z.object({
        name: domainName,
        resource: z.string(),
        sets: z.array(recordSet).optional(),
        types: z.array(z.string()),
        mayEmpty: z.array(z.string()).optional(),
        shared: z.boolean(),
      }),
      aids: z.array(z.object({ key: z.string(), kind: z.string(), spec: z.record(z.string(), z.json()) })),
    }),
  ),
});

export function createGenerations(store: Pick<Store, 'getMeta' | 'putMeta' | 'increment'>): Generations {
  const memoryKey = (zone: string): string => `dns/zone/${zone}`;
  // What nobody goes back to any more is written over.
  const contentKey = (zone: string, slot: number): string => `dns/content/${zone}/${slot}`;
  const slotsKey = (zone: string): string => `dns/slots/${zone}`;

  async function read<T>(key: string, parse: (text: string) => T): Promise<T | undefined> {
    const text = await store.getMeta(key);
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (thrown) {
      throw new PortolanError('STORE_CORRUPT', `${key} cannot be read`, { cause: thrown });
    }
  }

  /** Which generation each slot holds. */
  async function slotsOf(zone: string): Promise<readonly number[]> {
    return (await read(slotsKey(zone), (text) => slotsSchema.parse(JSON.parse(text)))) ?? [];
  }

  const generations: Generations = {
    async load(zone) {
      const found = await read(memoryKey(zone), (text) => memorySchema.parse(JSON.parse(text)));
      if (found === undefined) return NOTHING_YET;
      const { appliedAt, heldAtGeneration } = found;
      return {
        generation: found.generation,
        history: found.history,
        approved: found.approved,
        adopted: new Map(found.adopted),
        ...(appliedAt === undefined ? {} : { appliedAt }),
        ...(heldAtGeneration === undefined ? {} : { heldAtGeneration }),
      };
    },
    save: (zone, memory) =>
      store.putMeta(memoryKey(zone), JSON.stringify({ ...memory, adopted: [...memory.adopted] })),
    async next(zone, found) {
      let generation = await store.increment(`dns/generation/${zone}`);
      // Each step is a durable write: what cannot be reached is not begun.
      const reachable = found - generation < MAX_CATCH_UP;
      while (reachable && generation <= found) generation = await store.increment(`dns/generation/${zone}`);
      if (generation > found) return generation;
      throw new PortolanError(
        'STORE_CORRUPT',
        `generation ${found} stands in the zone, which is far above what this hub remembers of ${zone}`,
        {
          fix: 'Restore a newer backup of the hub, or, if nothing else writes the zone, remove the TXT record of the fence (`<hub>._fence._portolan.<zone>`) at the provider.',
        },
      );
    },
    async keepContent(zone, generation, names) {
      const { history, heldAtGeneration } = await generations.load(zone);
      const needed = new Set([heldAtGeneration, ...history.map((entry) => entry.generation)]);
      const slots = await slotsOf(zone);
      const free = slots.findIndex((held) => held === generation || !needed.has(held));
      const slot = free < 0 ? slots.length : free;
      const content = {
        generation,
        names: names.map(({ desired, aids }) => ({ desired, aids })),
      };
      await store.putMeta(
        contentKey(zone, slot),
        deflateRawSync(Buffer.from(JSON.stringify(content), 'utf8')).toString('base64'),
      );
      const next = [...slots.slice(0, slot), generation, ...slots.slice(slot + 1)];
      await store.putMeta(slotsKey(zone), JSON.stringify(next));
    },
    async content(zone, generation) {
      const slot = (await slotsOf(zone)).indexOf(generation);
      if (slot < 0) return undefined;
      const found = await read(contentKey(zone, slot), (text) =>
        contentSchema.parse(JSON.parse(inflateRawSync(Buffer.from(text, 'base64')).toString('utf8'))),
      );
      if (found?.generation !== generation) return undefined;
      return found.names.map(({ desired: { sets, mayEmpty, ...desired }, aids }) => ({
        desired: {
          ...desired,
          sets: sets?.map((set) => withoutUndefined(set)),
          ...(mayEmpty === undefined ? {} : { mayEmpty }),
        },
        aids,
      }));
    },
  };
  return generations;
}

function withoutUndefined({ ttlSeconds, native, ...set }: z.output<typeof recordSet>): RecordSet {
  return {
    ...set,
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(native === undefined ? {} : { native }),
  };
}

/** The memory after `generation` was applied at `at`. */
export function afterApplying(
  memory: ZoneMemory,
  applied: {
    readonly generation: number;
    readonly at: string;
    readonly summary: string;
    readonly approved: readonly string[];
  },
): ZoneMemory {
  const { generation, at, summary } = applied;
  return {
    ...memory,
    generation,
    appliedAt: at,
    history: [
      { generation, at, summary },
      ...memory.history.filter((h) => h.generation !== generation),
    ].slice(0, GENERATIONS_KEPT),
    approved: memory.approved.filter((hash) => !applied.approved.includes(hash)),
  };
}

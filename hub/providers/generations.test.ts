import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { containing } from '../../test/support/matchers.ts';
import {
  afterApplying,
  createGenerations,
  GENERATIONS_KEPT,
  NOTHING_YET,
  type ZoneMemory,
} from './generations.ts';
import type { WantedName } from './zone-worker.ts';

function memoryStore() {
  const meta = new Map<string, string>();
  const counters = new Map<string, number>();
  return {
    meta,
    getMeta: async (key: string) => meta.get(key),
    putMeta: async (key: string, value: string) => void meta.set(key, value),
    increment: async (key: string) => {
      counters.set(key, (counters.get(key) ?? 0) + 1);
      return counters.get(key) ?? 0;
    },
  };
}

const ZONE = 'shop/main/example.com.';
const name = (label: string): WantedName => ({
  desired: {
    name: parseName(`${label}.example.com.`),
    resource: `trafficpolicy/shop/${label}`,
    sets: [
      {
        name: parseName(`${label}.example.com.`),
        type: 'A',
        setId: '',
        ttlSeconds: 30,
        values: ['192.0.2.1'],
      },
      {
        name: parseName(`${label}.example.com.`),
        type: 'AAAA',
        setId: 'DE',
        values: [],
        native: { GeoLocation: { CountryCode: 'DE' } },
      },
    ],
    types: ['A', 'AAAA'],
    shared: false,
  },
  aids: [{ key: 'k', kind: 'healthcheck', spec: { port: 443 } }],
});
const unknown = (label: string): WantedName => ({
  ...name(label),
  desired: { ...name(label).desired, sets: undefined },
});

describe('generations of a zone', () => {
  it('begin with nothing and come back as they were saved', async () => {
    const store = memoryStore();
    const generations = createGenerations(store);
    expect(await generations.load(ZONE)).toEqual(NOTHING_YET);
    const memory = {
      ...afterApplying(NOTHING_YET, {
        generation: 1,
        at: '2026-11-21T00:00:00Z',
        summary: '+1',
        approved: [],
      }),
      adopted: new Map([[parseName('www.example.com.'), 'digest']]),
      heldAtGeneration: 1,
    };
    await generations.save(ZONE, memory);
    expect(await createGenerations(store).load(ZONE)).toEqual(memory);
  });

  it('are numbered upwards, above what the zone itself says', async () => {
    const generations = createGenerations(memoryStore());
    expect(await generations.next(ZONE, 0)).toBe(1);
    expect(await generations.next(ZONE, 41)).toBe(42);
    expect(await generations.next(ZONE, 3)).toBe(43);
  });

  it('are not counted up to a number that somebody forged, write by write', async () => {
    const store = memoryStore();
    let writes = 0;
    const counted = {
      getMeta: store.getMeta,
      putMeta: store.putMeta,
      increment(key: string) {
        writes += 1;
        return store.increment(key);
      },
    };
    const refused = createGenerations(counted).next(ZONE, 999_999_999_999_999);
    await expect(refused).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      fix: containing('_fence._portolan'),
    });
    expect(writes).toBe(1);
  });

  it('keep what was wanted of each name, for as many as can be brought back, whatever their numbers', async () => {
    const store = memoryStore();
    const generations = createGenerations(store);
    // Numbers of plans that never came through lie between them.
    const numberOf = (n: number): number => n * GENERATIONS_KEPT;
    let memory: ZoneMemory = NOTHING_YET;
    for (let n = 1; n <= GENERATIONS_KEPT + 1; n += 1) {
      await generations.keepContent(ZONE, numberOf(n), [name(`g${n}`), unknown('later')]);
      memory = afterApplying(memory, { generation: numberOf(n), at: 't', summary: '', approved: [] });
      await generations.save(ZONE, memory);
    }
    expect(memory.history.at(-1)?.generation).toBe(numberOf(2));
    for (let n = 2; n <= GENERATIONS_KEPT + 1; n += 1)
      expect(await generations.content(ZONE, numberOf(n))).toEqual([name(`g${n}`), unknown('later')]);
    await generations.keepContent(ZONE, numberOf(GENERATIONS_KEPT + 2), []);
    expect(await generations.content(ZONE, numberOf(1))).toBeUndefined();
    expect([...store.meta.keys()].filter((key) => key.startsWith('dns/content/'))).toHaveLength(
      GENERATIONS_KEPT + 1,
    );
  });

  it('keep what a rollback holds for as long as it does', async () => {
    const generations = createGenerations(memoryStore());
    await generations.keepContent(ZONE, 1, [name('held')]);
    let memory: ZoneMemory = { ...NOTHING_YET, heldAtGeneration: 1 };
    await generations.save(ZONE, memory);
    for (let g = 2; g <= 3 * GENERATIONS_KEPT; g += 1) {
      await generations.keepContent(ZONE, g, [name('held')]);
      memory = afterApplying(memory, { generation: g, at: 't', summary: '', approved: [] });
      await generations.save(ZONE, memory);
    }
    expect(await generations.content(ZONE, 1)).toEqual([name('held')]);
  });

  it('list the last ones, newest first, and forget an approval with the plan it was for', () => {
    let memory = { ...NOTHING_YET, approved: ['a', 'b'] as readonly string[] };
    for (let g = 1; g <= 25; g += 1)
      memory = afterApplying(memory, {
        generation: g,
        at: 't',
        summary: '',
        approved: g === 3 ? ['a'] : [],
      }) as typeof memory;
    expect(memory.history.map((h) => h.generation)).toEqual(Array.from({ length: 20 }, (_, i) => 25 - i));
    expect(memory.approved).toEqual(['b']);
  });

  it('that cannot be read stop the zone rather than starting again at 1', async () => {
    const store = memoryStore();
    store.meta.set(`dns/zone/${ZONE}`, '{');
    await expect(createGenerations(store).load(ZONE)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

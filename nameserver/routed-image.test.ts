import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { resolverAddress } from '../src/dns/client.ts';
import { parseName } from '../src/dns/name.ts';
import type { AnswerTable } from '../src/dns/table.ts';
import { TYPE } from '../src/dns/types.ts';
import { zoneSpec } from '../src/resources/zone.ts';
import { regionTable } from '../src/routing/geography.ts';
import type { RoutedPolicy } from '../src/routing/model.ts';
import { endpoint, policyOf, stateOf, tier } from '../src/routing/testing/world.ts';
import { RoutedTableImages, RoutedTableReader } from './routed-image.ts';
import { createRoutedTable, type RoutedTableInput } from './routed-table.ts';

const REGIONS = regionTable();

function policy(name: string, address: string, zone = 'example.com'): RoutedPolicy {
  return policyOf({
    name,
    hostnames: [parseName(`${name}.${zone}`), parseName(`*.${name}.${zone}`)],
    endpoints: [endpoint('fra', 'DE', { addresses: [{ address, family: 4, targetId: 'fra' }] })],
    defaultTiers: [tier('fra')],
  });
}

function inputOf(policies: readonly RoutedPolicy[], sequence = 1, regions = REGIONS): RoutedTableInput {
  const zones = ['example.com', 'example.net'].map((origin) => ({
    namespace: 'default',
    name: origin,
    spec: zoneSpec.parse({
      origin,
      nameServers: [{ name: `ns1.${origin}`, addresses: ['192.0.2.53'] }],
      records: [{ name: 'static', type: 'TXT', data: ['"text"'] }],
    }),
  }));
  return {
    routing: { sequence, zones, policies, regions },
    geo: undefined,
    view: () => stateOf(),
    random: () => 0.5,
  };
}

/** The address a name is answered with. */
function addressAt(table: AnswerTable, name: string): string | undefined {
  const domain = parseName(name);
  const client = resolverAddress('192.0.2.1');
  if (client === undefined) throw new Error('no client');
  const node = table.zoneFor(domain)?.nodes.get(domain);
  const [record] = node?.routed?.answer({ name: domain, type: TYPE.A, client }).records ?? [];
  return record?.type === 'A' ? record.address.join('.') : undefined;
}

const POLICIES = [
  policy('a', '192.0.2.1'),
  policy('b', '192.0.2.2', 'example.net'),
  policy('c', '192.0.2.3'),
];

function imageOf(images: RoutedTableImages, input: RoutedTableInput) {
  return images.imageOf(input, createRoutedTable(input));
}

test('a table made of an image answers as the one the image was made of', () => {
  const input = inputOf(POLICIES, 7);
  const table = new RoutedTableReader(input).attach(structuredClone(imageOf(new RoutedTableImages(), input)));
  expect(addressAt(table, 'a.example.com')).toBe('192.0.2.1');
  expect(addressAt(table, 'b.example.net')).toBe('192.0.2.2');
  expect(addressAt(table, '*.c.example.com')).toBe('192.0.2.3');
  expect(addressAt(table, 'static.example.com')).toBeUndefined();
  expect(table.zones.map(({ serial }) => serial)).toEqual([7, 7]);
});

test('a changed policy is answered by at once, and what was made of the others is kept', () => {
  const images = new RoutedTableImages();
  const input = inputOf(POLICIES);
  const reader = new RoutedTableReader(input);
  const before = reader.attach(imageOf(images, input));
  const routedAt = (table: AnswerTable, name: string) =>
    table.zoneFor(parseName(name))?.nodes.get(parseName(name))?.routed;
  const kept = routedAt(before, 'c.example.com');
  // As a name server that reads a snapshot anew: equal policies, other objects.
  const next = structuredClone([policy('a', '192.0.2.9'), ...POLICIES.slice(1)]);
  const after = reader.attach(imageOf(images, inputOf(next, 2)));
  expect(addressAt(after, 'a.example.com')).toBe('192.0.2.9');
  expect(kept).toBeDefined();
  expect(routedAt(after, 'c.example.com')).toBe(kept);
  expect(addressAt(before, 'a.example.com')).toBe('192.0.2.1');
});

test('policies are decided by the regions of their image', () => {
  const images = new RoutedTableImages();
  const bound = { ...policy('a', '192.0.2.1'), residency: [residency('Home')] };
  const first = inputOf([bound], 1, { ...REGIONS, Home: ['FR'] });
  const reader = new RoutedTableReader(first);
  // Nobody is in France, where unknown locations must be answered from.
  expect(addressAt(reader.attach(imageOf(images, first)), 'a.example.com')).toBeUndefined();
  const second = inputOf([bound], 2, { ...REGIONS, Home: ['DE'] });
  expect(addressAt(reader.attach(imageOf(images, second)), 'a.example.com')).toBe('192.0.2.1');
});

function residency(region: string): RoutedPolicy['residency'][number] {
  return { region, unknownLocation: 'restrict', onAllDown: { action: 'panic' } };
}

test('unchanged policies stay where they lie, and what piles up is tidied away', () => {
  const images = new RoutedTableImages();
  const bulk = Array.from({ length: 300 }, (_, i) => policy(`n${i}`, '192.0.2.1'));
  const first = imageOf(images, inputOf(bulk));
  expect(first.policies.segments).toHaveLength(1);
  const [segment] = first.policies.segments;
  const second = imageOf(images, inputOf([...bulk.slice(1), policy('new', '192.0.2.2')], 2));
  expect(second.policies.segments).toHaveLength(2);
  expect(second.policies.segments[0]).toBe(segment);

  let last = second;
  let most = 0;
  for (let round = 3; round < 60; round += 1) {
    last = imageOf(
      images,
      inputOf(
        bulk.map((p) => ({ ...p, generation: round })),
        round,
      ),
    );
    const held = last.policies.segments.reduce((sum, { byteLength }) => sum + byteLength, 0);
    most = Math.max(most, held);
  }
  expect(most).toBeLessThan(4 * (segment?.byteLength ?? 0) + (2 << 20));
  expect(last.policies.places[0]).toBeGreaterThan(300);
});

test('a thread answers from an image, and nothing of the zones or policies is copied to it', async () => {
  const input = inputOf(POLICIES);
  const image = imageOf(new RoutedTableImages(), input);
  const worker = new Worker(new URL('testing/image-reader.ts', import.meta.url), { workerData: image });
  try {
    const answer = await new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(answer).toEqual({ a: [192, 0, 2, 1], text: 'TXT', shared: true });
  } finally {
    await worker.terminate();
  }
});

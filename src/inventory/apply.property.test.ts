import fc from 'fast-check';
import { expect, it } from 'vitest';
import { applyInventory, type InventoryIntake, inventoryKey } from './apply.ts';
import { isInventoryKind, type RawObject } from './read-object.ts';
import { withSameParts } from './same-parts.ts';
import {
  found,
  foundGateway,
  foundNamespace,
  foundRoute,
  foundService,
  message,
} from './testing/found-objects.ts';

const RULES = { namespace: 'default', refuses: () => undefined };
const names = fc.constantFrom('a', 'b', 'c');
const places = fc.constantFrom('shop', 'bank');

const object: fc.Arbitrary<RawObject> = fc.oneof(
  fc.tuple(places, names, fc.constantFrom(80, 81)).map(([ns, n, port]) => foundGateway(ns, n, { port })),
  fc.tuple(places, names, names).map(([ns, n, s]) => foundRoute(ns, n, 'edge', s)),
  fc
    .tuple(places, names, fc.integer({ min: 1, max: 3 }))
    .map(([ns, n, port]) => foundService(ns, n, [{ port }])),
  fc.tuple(names, names).map(([n, team]) => foundNamespace(n, { team })),
  // One that is refused now and then, under a name that others have too.
  fc.tuple(places, names).map(([ns, n]) => found('HTTPRoute', ns, n, { rules: 1 })),
);

type Event = { readonly put: RawObject } | { readonly remove: RawObject };
const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    { arbitrary: object.map((put) => ({ put })), weight: 3 },
    { arbitrary: object.map((remove) => ({ remove })), weight: 1 },
  ),
  { maxLength: 40 },
);

const keyOf = ({ kind, namespace, name }: RawObject): string =>
  isInventoryKind(kind) ? inventoryKey(kind, namespace, name) : '';

/** The events in messages of these sizes; of one object only the last event of a message is told, as agents do. */
function told(all: readonly Event[], sizes: readonly number[]): InventoryIntake {
  let intake: InventoryIntake | undefined;
  let at = 0;
  for (let sequence = 1; at < all.length || intake === undefined; sequence += 1) {
    const part = all.slice(at, at + (sizes[sequence % sizes.length] ?? 1));
    at += part.length;
    const last = new Map<string, Event>();
    for (const event of part) last.set(keyOf('put' in event ? event.put : event.remove), event);
    const changed = [...last.values()].flatMap((event) => ('put' in event ? [event.put] : []));
    const removed = [...last].flatMap(([key, event]) => ('remove' in event ? [key] : []));
    intake = applyInventory(intake, message(sequence, changed, { removed }), RULES);
  }
  return intake;
}

const sorted = (map: ReadonlyMap<string, unknown>): readonly unknown[] =>
  [...map].sort((a, b) => (a[0] < b[0] ? -1 : 1));

function content({ inventory, octets, sizes }: InventoryIntake): unknown {
  const { resources, services, secrets, namespaces, refused } = inventory;
  return [
    Object.values(resources).map(sorted),
    [services, secrets, namespaces, refused, sizes].map(sorted),
    octets,
  ];
}

const sizes = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 5 });

it('is the same however its changes are put into messages', () => {
  fc.assert(
    fc.property(events, sizes, sizes, (all, some, others) => {
      expect(content(told(all, some))).toEqual(content(told(all, others)));
    }),
    { numRuns: 200 },
  );
});

it('is the same in whatever order its objects come', () => {
  const set = fc.uniqueArray(object, { selector: keyOf, maxLength: 20 });
  fc.assert(
    fc.property(
      set.chain((objects) =>
        fc.tuple(fc.constant(objects), fc.shuffledSubarray(objects, { minLength: objects.length })),
      ),
      sizes,
      ([objects, shuffled], some) => {
        const put = (all: readonly RawObject[]): readonly Event[] => all.map((one) => ({ put: one }));
        expect(content(told(put(shuffled), some))).toEqual(content(told(put(objects), [50])));
      },
    ),
    { numRuns: 100 },
  );
});

it('a whole set that says the same again is the same object in each of its parts', () => {
  fc.assert(
    fc.property(events, sizes, (all, some) => {
      const [before, now] = [told(all, some), told(all, [7])];
      const kept = withSameParts(before.inventory, now.inventory);
      const parts = ['resources', 'services', 'secrets', 'namespaces', 'refused', 'ignored'] as const;
      for (const part of parts) expect(kept[part]).toBe(before.inventory[part]);
    }),
    { numRuns: 100 },
  );
});

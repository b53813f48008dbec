import { describe, expect, it } from 'vitest';
import type { InventoryKind } from '../../src/inventory/contract.ts';
import { createInventorySet, type InventorySource, keyOf, partsOf } from './inventory-set.ts';

/** Sources over one map by `Kind name`. */
function world(objects: Map<string, string>, bounds = { objects: 100, bytes: 10_000 }) {
  const source = (kind: InventoryKind): InventorySource => ({
    names: () =>
      [...objects.keys()].flatMap((key) => (key.startsWith(`${kind} `) ? [key.slice(kind.length + 1)] : [])),
    content: (name) => objects.get(`${kind} ${name}`),
  });
  return createInventorySet(
    {
      Gateway: source('Gateway'),
      HTTPRoute: source('HTTPRoute'),
      GRPCRoute: source('GRPCRoute'),
      BackendTLSPolicy: source('BackendTLSPolicy'),
      ReferenceGrant: source('ReferenceGrant'),
      Service: source('Service'),
      Secret: source('Secret'),
      Namespace: source('Namespace'),
    },
    bounds,
  );
}

describe('the set that the hub is told of', () => {
  it('changes by what was touched and is otherwise, and by nothing else', () => {
    const objects = new Map([
      ['Service shop/cart', 'a'],
      ['Namespace shop', 'b'],
    ]);
    const set = world(objects);
    set.touchKind('Service');
    set.touchKind('Namespace');
    expect([...set.changes()]).toEqual([
      ['Service shop/cart', 'a'],
      ['Namespace /shop', 'b'],
    ]);
    objects.set('Service shop/cart', 'c');
    expect(set.changes().size).toBe(0);
    set.touch(keyOf('Service', 'shop/cart'));
    set.touch(keyOf('Namespace', 'shop'));
    expect([...set.changes()]).toEqual([['Service shop/cart', 'c']]);
    objects.delete('Service shop/cart');
    set.touchKind('Service');
    expect([...set.changes()]).toEqual([['Service shop/cart', undefined]]);
    expect(set.contents.size).toBe(1);
  });

  it('I36 beyond its bounds leaves out what comes last, says so, and takes it when there is room', () => {
    const objects = new Map([
      ['Service shop/one', 'a'],
      ['Service shop/two', 'b'],
      ['HTTPRoute shop/route', 'c'],
    ]);
    const set = world(objects, { objects: 2, bytes: 10_000 });
    for (const kind of ['Service', 'HTTPRoute'] as const) set.touchKind(kind);
    expect([...set.changes().keys()]).toEqual(['HTTPRoute shop/route', 'Service shop/one']);
    expect(set.problems[0]?.message).toContain('1 objects are not told to the hub, such as Service shop/two');
    objects.delete('Service shop/one');
    set.touch(keyOf('Service', 'shop/one'));
    expect([...set.changes()]).toEqual([['Service shop/one', undefined]]);
    expect([...set.changes()]).toEqual([['Service shop/two', 'b']]);
    expect(set.problems).toEqual([]);
  });

  it('I36 counts octets, not characters, and keeps what was told when its successor has no room', () => {
    const objects = new Map([['Service shop/one', 'é'.repeat(4)]]);
    const set = world(objects, { objects: 10, bytes: 9 });
    set.touchKind('Service');
    expect(set.changes().size).toBe(1);
    objects.set('Service shop/one', 'é'.repeat(5));
    set.touchKind('Service');
    expect(set.changes().size).toBe(0);
    expect(set.contents.get('Service shop/one')).toBe('éééé');
    expect(set.problems).toHaveLength(1);
  });

  it('names objects of the whole cluster without a namespace', () => {
    expect(partsOf(keyOf('Namespace', 'shop'))).toEqual({ kind: 'Namespace', namespace: '', name: 'shop' });
    expect(partsOf(keyOf('Secret', 'a/b.c'))).toEqual({ kind: 'Secret', namespace: 'a', name: 'b.c' });
  });
});

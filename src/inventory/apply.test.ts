import { describe, expect, it } from 'vitest';
import { matching } from '../../test/support/matchers.ts';
import { applyInventory, type InventoryIntake, type InventoryMessage } from './apply.ts';
import {
  FACTS,
  found,
  foundGateway,
  foundNamespace,
  foundRoute,
  foundService,
  message,
} from './testing/found-objects.ts';

const FLEET = { namespace: 'default', refuses: () => undefined };

function having(messages: readonly InventoryMessage[], rules = FLEET): InventoryIntake {
  const intake = messages.reduce<InventoryIntake | undefined>(
    (before, one) => applyInventory(before, one, rules),
    undefined,
  );
  if (intake === undefined) throw new Error('no message');
  return intake;
}

describe('the inventory of a cluster', () => {
  it('holds what was told, as resources with the identity that Kubernetes gave them', () => {
    const { inventory } = having([
      message(1, [
        foundGateway('shop', 'edge'),
        foundService('shop', 'web'),
        foundNamespace('shop', { team: 'a' }),
        found('Secret', 'shop', 'tls', {
          type: 'kubernetes.io/tls',
          keys: ['tls.crt', 'tls.key'],
          digest: 'ab',
        }),
      ]),
    ]);
    const gateway = inventory.resources.Gateway.get('shop/edge');
    expect(gateway?.metadata).toMatchObject({
      uid: 'uid-Gateway-shop-edge',
      generation: 1,
      // As the hub writes instants: their order is that of their text.
      creationTimestamp: '2026-01-01T00:00:00.000Z',
    });
    expect(gateway?.spec.listeners[0]?.allowedRoutes.namespaces.from).toBe('Same');
    expect(inventory.services.get('shop/web')?.ports).toEqual([{ port: 80 }]);
    expect(inventory.secrets.get('shop/tls')?.digest).toBe('ab');
    expect(inventory.namespaces.get('shop')).toEqual({ team: 'a' });
  });

  it('keeps the same objects where nothing changed, and the whole of it when nothing did', () => {
    const first = having([message(1, [foundGateway('shop', 'edge'), foundService('shop', 'web')])]);
    const same = applyInventory(first, message(2, [foundGateway('shop', 'edge')]), FLEET);
    expect(same.inventory).toBe(first.inventory);
    const next = applyInventory(first, message(2, [foundService('shop', 'api')]), FLEET);
    expect(next.inventory.resources).toBe(first.inventory.resources);
    expect(next.inventory.services.get('shop/web')).toBe(first.inventory.services.get('shop/web'));
  });

  it('refuses what the schema refuses, says why, and takes it back once it is in order', () => {
    const bad = found('HTTPRoute', 'shop', 'web', { parentRefs: [{ name: 'edge' }], rules: 'none' });
    const told = found('Gateway', 'shop', 'edge', { any: 'thing' }, { problem: 'protocol TCP' });
    const first = having([message(1, [bad, told])]);
    expect(first.inventory.refused.get('HTTPRoute shop/web')?.problem).toMatch(/rules.*must be/);
    expect(first.inventory.refused.get('Gateway shop/edge')?.problem).toBe('protocol TCP');
    const next = applyInventory(first, message(2, [foundRoute('shop', 'web', 'edge', 'web')]), FLEET);
    expect([...next.inventory.refused.keys()]).toEqual(['Gateway shop/edge']);
    expect(next.inventory.resources.HTTPRoute.has('shop/web')).toBe(true);
  });

  it('carries of a tenant only the Kubernetes namespace of its own name, and counts the rest', () => {
    const tenant = { ...FLEET, namespace: 'shop' };
    const { inventory } = having(
      [
        message(1, [
          foundGateway('shop', 'edge'),
          foundGateway('bank', 'edge'),
          foundService('bank', 'web'),
          foundNamespace('shop'),
          foundNamespace('bank'),
        ]),
      ],
      tenant,
    );
    expect([...inventory.resources.Gateway.keys()]).toEqual(['shop/edge']);
    expect(inventory.services.size).toBe(0);
    expect([...inventory.namespaces.keys()]).toEqual(['shop']);
    expect([...inventory.ignored.keys()]).toEqual([
      'Gateway bank/edge',
      'Service bank/web',
      'Namespace /bank',
    ]);
    const next = having(
      [message(1, [foundGateway('bank', 'edge')]), message(2, [], { removed: ['Gateway bank/edge'] })],
      tenant,
    );
    expect(next.inventory.ignored.size).toBe(0);
    const route = having([message(1, [foundRoute('bank', 'web', 'shop/edge', 'web')])], tenant);
    expect(route.inventory.ignored.get('HTTPRoute bank/web')).toEqual({
      uid: 'uid-HTTPRoute-bank-web',
      generation: 1,
      parentRefs: [{ name: 'edge', namespace: 'shop' }],
    });
  });

  it('is complete from the message that says so', () => {
    const first = having([message(1, [foundGateway('shop', 'edge')], { complete: false })]);
    expect(first.complete).toBe(false);
    const next = applyInventory(first, message(2, [], { facts: JSON.stringify(FACTS) }), FLEET);
    expect(next.complete).toBe(true);
    expect(next.inventory.facts).toEqual(FACTS);
    expect(applyInventory(next, message(3, []), FLEET).inventory.facts).toBe(next.inventory.facts);
  });

  it.each<readonly [string, InventoryMessage]>([
    ['a gap', message(3, [])],
    ['a message twice', message(1, [])],
    ['another session', message(2, [], { session: 's2' })],
    ['no JSON', message(2, [{ ...foundService('shop', 'web'), content: '{' }])],
    ['a name with a slash', message(2, [foundService('shop', 'a/b')])],
    ['a Service without ports', message(2, [found('Service', 'shop', 'web', { type: 'ClusterIP' })])],
    ['facts without nodes', message(2, [], { facts: '{"version":"v1"}' })],
  ])('ends at %s', (_what, bad) => {
    const first = having([message(1, [foundService('shop', 'web')])]);
    expect(() => applyInventory(first, bad, FLEET)).toThrow(
      expect.objectContaining({ code: 'VALIDATION_FAILED', message: matching(/^inventory: /) }),
    );
  });

  it('ends where there is too much of it, and counts what was replaced once', () => {
    const limits = { objects: 2, bytes: 1_000 };
    const rules = { ...FLEET, limits };
    const two = [foundService('shop', 'a'), foundService('shop', 'b')];
    const first = applyInventory(undefined, message(1, two), rules);
    const again = applyInventory(first, message(2, two), rules);
    expect(again.octets).toBe(first.octets);
    expect(() => applyInventory(again, message(3, [foundService('shop', 'c')]), rules)).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', message: matching(/more than 2 objects/) }),
    );
    expect(() =>
      applyInventory(again, message(3, [foundNamespace('a', { big: 'x'.repeat(1_000) })]), {
        ...rules,
        limits: { ...limits, objects: 9 },
      }),
    ).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', message: matching(/1000 octets/) }));
    const room = message(3, [foundService('shop', 'c')], { removed: ['Service shop/a'] });
    expect([...applyInventory(again, room, rules).inventory.services.keys()]).toEqual(['shop/b', 'shop/c']);
  });

  it('takes no notice of kinds of newer agents', () => {
    const { inventory, sizes } = having([message(1, [found('TLSRoute', 'shop', 'x', {})])]);
    expect(sizes.size).toBe(0);
    expect(inventory.refused.size).toBe(0);
  });
});

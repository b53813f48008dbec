import { describe, expect, it } from 'vitest';
import type { ProposedChange } from '../api/services.ts';
import { admit } from './admission.ts';
import { CONTEXT, create, document, remove, update, worldOf } from './testing.ts';
import type { World } from './world.ts';

const provider = (zones: readonly string[], namespace = 'default') =>
  document(
    'DNSProvider',
    'cloud',
    {
      zones: zones.map((origin) => ({ origin })),
      powerdns: { url: 'https://dns.example.net', secret: 'key' },
    },
    namespace,
  );
const geo = (more: object = { delegation: { provider: 'cloud' } }) =>
  document('Zone', 'geo', {
    origin: 'geo.example.com',
    nameServers: [{ name: 'ns1.example.net', addresses: [] }],
    ...more,
  });
const key = document('Secret', 'key', { stringData: { apiKey: 'x' } });

function judge(world: World, ...changes: readonly ProposedChange[]) {
  return admit({
    world,
    context: CONTEXT,
    changes,
    force: false,
    moment: { targetState: () => 'up', wallMs: 1_000_000 },
    budget: new Map(),
    joined: new Set(),
  }).violations;
}

describe('a delegated zone', () => {
  it('needs a DNSProvider of its namespace with a zone above the origin, also one of the same apply', () => {
    expect(judge(worldOf(key, provider(['example.com'])), create(geo()))).toEqual([]);
    expect(judge(worldOf(key), create(provider(['example.com'])), create(geo()))).toEqual([]);
    expect(judge(worldOf(), create(geo()))).toMatchObject([
      { code: 'REFERENCE_NOT_FOUND', path: 'spec.delegation.provider' },
    ]);
    expect(judge(worldOf(provider(['example.com'], 'other')), create(geo()))).toMatchObject([
      { code: 'REFERENCE_NOT_FOUND', path: 'spec.delegation.provider' },
    ]);
    const [itself] = judge(worldOf(key, provider(['geo.example.com', 'example.org'])), create(geo()));
    expect(itself).toMatchObject({ code: 'REFERENCE_NOT_FOUND', path: 'spec.delegation.provider' });
    expect(itself?.message).toContain('only geo.example.com., example.org.');
  });

  it('keeps the DNSProvider, and the zone above, from going away', () => {
    const world = worldOf(key, provider(['example.com', 'example.org']), geo());
    expect(judge(world, remove(provider(['example.com'])))).toMatchObject([{ code: 'IN_USE' }]);
    const without = update(provider(['example.org']), provider(['example.com', 'example.org']));
    expect(judge(world, without)).toMatchObject([{ code: 'IN_USE', path: 'spec.zones' }]);
    const undelegated = update(geo({}), geo());
    expect(judge(world, without, undelegated)).toEqual([]);
    expect(judge(world, remove(provider(['example.com'])), undelegated)).toEqual([]);
    const another = update(provider(['com']), provider(['example.com', 'example.org']));
    expect(judge(world, another)).toEqual([]);
  });
});

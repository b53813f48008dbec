import { describe, expect, it } from 'vitest';
import type { ParentView } from '../../src/dns/dnssec/parent-view.ts';
import type { RolloverState, ZoneKey } from '../../src/dns/dnssec/rollover-state.ts';
import { signedVerdict, signingStatus } from './signing-status.ts';
import type { ZoneSigningView } from './zone-signing.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const HOUR = 3_600_000;
const key = (keyTag: number, role: 'ksk' | 'zsk', state: ZoneKey['state'], more = {}): ZoneKey => ({
  id: `${keyTag}`,
  keyTag,
  role,
  state,
  createdAtMs: NOW - 10 * HOUR,
  sinceMs: NOW - HOUR,
  revision: 2,
  ds: role === 'ksk' ? [{ keyTag, algorithm: 13, digestType: 2, digest: 'ab12' }] : [],
  ...more,
});
const view = (
  state: Partial<RolloverState>,
  parent?: ParentView,
  servers = [{ id: 'agent/a', revision: 2 }],
): ZoneSigningView => ({
  origin: 'example.com.',
  zone: {
    version: 1,
    state: {
      phase: 'signed',
      sinceMs: NOW - HOUR,
      revision: 2,
      keys: [],
      ttl: { seconds: 300 },
      excused: [],
      ...state,
    },
    settings: { dnskeyTtlSeconds: 300, dnskeyValiditySeconds: 1, signatureValiditySeconds: 1 },
    zskLifetimeMs: 24 * HOUR,
    apex: undefined,
    pairs: new Map(),
  },
  input: {
    nowMs: NOW,
    wanted: true,
    zskLifetimeMs: 24 * HOUR,
    longestTtlSeconds: 300,
    copyDelayMs: 0,
    servers,
    parent,
  },
});
const name = (id: string): string => id.replace('agent/a', 'default/paris');
const seen: ParentView = {
  atMs: NOW,
  servers: [
    { address: '192.0.2.1', ds: [], ttlSeconds: 0 },
    { address: '192.0.2.2', error: 'it answers REFUSED' },
  ],
};

describe('the status of a signed zone', () => {
  it('has each key with its next step and why that waits, in words for a person', () => {
    const keys = [
      key(1, 'ksk', 'active'),
      key(2, 'ksk', 'ready', { createdAtMs: NOW - 2 * HOUR }),
      key(3, 'zsk', 'active'),
      key(4, 'zsk', 'published', { revision: 9 }),
      key(5, 'zsk', 'retired', { spreadAtMs: NOW - 1_000 }),
    ];
    const status = signingStatus(view({ keys }, seen), name);
    expect(status.keys.map(({ keyTag, next, waitsFor }) => [keyTag, next, waitsFor])).toEqual([
      [1, undefined, undefined],
      [
        2,
        'takes the place of the active key',
        'the DS of key 2 at every server of the parent; 192.0.2.1: no DS; 192.0.2.2: it answers REFUSED',
      ],
      [3, undefined, undefined],
      [
        4,
        'signs instead of the active key',
        'name servers that have not confirmed it: default/paris; from 2026-11-28T11:00:00.000Z on a person may go on without them',
      ],
      [5, 'removed', 'caches may hold what was before until 2026-11-21T12:05:01.000Z'],
    ]);
    expect(status.ds).toEqual([{ keyTag: 2, algorithm: 13, digestType: 2, digest: 'AB12' }]);
    expect(status.parentSeenAt).toBe('2026-11-21T12:00:00.000Z');
  });

  it('says when the zone-signing key is rolled, and that a first key only has to be vouched for', () => {
    const keys = [key(1, 'ksk', 'ready'), key(3, 'zsk', 'active')];
    const status = signingStatus(view({ phase: 'awaiting-ds', keys }), name);
    expect(status.keys.map(({ next }) => next)).toEqual(['active', 'rolled at 2026-11-22T02:00:00.000Z']);
    expect(status.keys[0]?.waitsFor).toContain('the parent was not asked yet');
  });

  it('waits for the next publication when no server is late', () => {
    const keys = [key(4, 'ksk', 'published')];
    const status = signingStatus(view({ phase: 'signing', keys }, undefined, []), name);
    expect(status.keys[0]).toMatchObject({ next: 'its DS is asked for', waitsFor: 'the next publication' });
    expect(status.ds).toEqual([]);
  });

  it('of one that is being unsigned asks for no DS', () => {
    const status = signingStatus(view({ phase: 'unsigning', keys: [key(1, 'ksk', 'active')] }, seen), name);
    expect(status.ds).toEqual([]);
    expect(status.waitsFor).toContain('the DS to vanish');
  });

  it.each([
    ['signing', 'False', 'Signing'],
    ['awaiting-ds', 'False', 'AwaitingDS'],
    ['signed', 'True', 'ChainOfTrust'],
    ['unsigning', 'True', 'Unsigning'],
    ['unsigned', 'False', 'Unsigned'],
  ] as const)('in state %s is Signed=%s, %s', (phase, status, reason) => {
    expect(signedVerdict(view({ phase }), 'example')).toMatchObject({ type: 'Signed', status, reason });
  });
});

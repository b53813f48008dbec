import { describe, expect, it } from 'vitest';
import type { ZoneDnssecStatus } from '../../src/resources/zone-dnssec-status.ts';
import { dnssecLines } from './zone-dnssec.ts';

const status: ZoneDnssecStatus = {
  state: 'awaiting-ds',
  since: '2026-11-21T12:00:00.000Z',
  keys: [
    {
      keyTag: 13596,
      role: 'ksk',
      state: 'ready',
      since: '2026-11-21T12:00:00.000Z',
      next: 'active',
      waitsFor: 'the DS of key 13596 at every server of the parent',
    },
  ],
  ds: [{ keyTag: 13596, algorithm: 13, digestType: 2, digest: 'AB12' }],
  dnskey: ['257 3 13 mdss'],
  signaturesExpire: '2026-12-12T12:00:00.000Z',
  parent: '192.0.2.1: no DS',
  parentSeenAt: '2026-11-21T12:01:00.000Z',
};

describe('what `portolan zone dnssec show` prints', () => {
  it('has every field that a registrar asks for, by itself and as records', () => {
    const lines = dnssecLines('example.com.', status);
    expect(lines).toEqual(
      expect.arrayContaining([
        'example.com. is awaiting-ds since 2026-11-21T12:00:00.000Z',
        '  key tag      13596',
        '  algorithm    13 (ECDSA P-256 with SHA-256)',
        '  digest type  2 (SHA-256)',
        '  digest       AB12',
        '  example.com. IN DS 13596 13 2 AB12',
        '  example.com. IN DNSKEY 257 3 13 mdss',
        'key 13596 (KSK): ready since 2026-11-21T12:00:00.000Z',
        '  waits for: the DS of key 13596 at every server of the parent',
        'the parent at 2026-11-21T12:01:00.000Z: 192.0.2.1: no DS',
      ]),
    );
  });

  it('warns of a DS that is too early, and says that none is wanted while the zone is being unsigned', () => {
    const bare: ZoneDnssecStatus = { ...status, ds: [], dnskey: [], keys: [] };
    expect(dnssecLines('e.', { ...bare, state: 'signing' }).join('\n')).toContain('no DS yet');
    const leaving = dnssecLines('e.', { ...bare, state: 'unsigning', waitsFor: 'the DS to vanish' });
    expect(leaving.join('\n')).toContain('the parent shall have no DS');
    expect(leaving).toContain('waits for: the DS to vanish');
  });
});

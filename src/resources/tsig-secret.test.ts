import { describe, expect, it } from 'vitest';
import { parseTsigSecret, tsigSecretsOf } from './tsig-secret.ts';
import { zoneTransfers } from './zone-transfers.ts';

const KEY = { name: 'Transfer.Example', algorithm: 'hmac-sha256', secret: 'c2VjcmV0c2VjcmV0c2VjcmV0' };

describe('the TSIG key in a Secret', () => {
  it('is its name in canonical spelling, its algorithm and its octets', () => {
    expect(parseTsigSecret({ ...KEY, secret: `${KEY.secret}\n`, algorithm: 'HMAC-SHA256.' })).toEqual({
      key: { ...KEY, name: 'transfer.example.' },
    });
  });

  it.each([
    ['no secret', { secret: '' }, 'no secret'],
    ['a name that is none', { name: 'a..b' }, '`name`'],
    ['an algorithm nobody should use any more', { algorithm: 'hmac-md5' }, '`algorithm`'],
    ['octets in hex', { secret: 'abcde' }, 'base64'],
    ['too few octets', { secret: 'c2hvcnQ=' }, '5 octets'],
  ])('is refused with %s, and the reason does not show it', (_what, change, said) => {
    const result = parseTsigSecret({ ...KEY, ...change });
    expect('problem' in result ? result.problem : 'accepted').toContain(said);
    expect(JSON.stringify(result)).not.toContain(KEY.secret);
  });

  it('is named once, however many rules use it', () => {
    const transfers = zoneTransfers.parse({
      allow: [{ tsigSecret: 'a' }, { ranges: ['192.0.2.0/24'], tsigSecret: 'b' }],
      notify: [{ address: '192.0.2.1', tsigSecret: 'a' }],
    });
    expect(tsigSecretsOf(transfers)).toEqual(['a', 'b']);
    expect(tsigSecretsOf(undefined)).toEqual([]);
  });
});

import { expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import { keyOfSecret } from './key.ts';

const SECRET = Buffer.from('0123456789abcdef').toString('base64');

it('takes name, algorithm and secret', () => {
  expect(keyOfSecret({ name: 'Portolan\n', algorithm: 'HMAC-SHA512', secret: SECRET })).toMatchObject({
    name: 'portolan.',
    algorithm: 'hmac-sha512',
  });
});

it.each([
  [
    'GSS-TSIG by its algorithm',
    { name: 'x', algorithm: 'gss-tsig', secret: SECRET },
    'Kerberos',
    'Microsoft',
  ],
  ['a Kerberos principal', { principal: 'dns/hub@EXAMPLE.COM', keytab: 'x' }, 'GSS-TSIG', 'tsig-keygen'],
  ['a Secret without its parts', { name: 'x' }, 'no algorithm and no secret', 'tsig-keygen'],
  ['a weak algorithm', { name: 'x', algorithm: 'hmac-md5', secret: SECRET }, 'too weak', 'hmac-sha256'],
  ['a short secret', { name: 'x', algorithm: 'hmac-sha256', secret: 'YWJj' }, 'at least 16', ''],
] as const)('refuses %s, and says what to do', (_, secret, message, fix) => {
  expect(() => keyOfSecret(secret)).toThrow(
    expect.objectContaining({ failure: 'denied', message: containing(message), fix: containing(fix) }),
  );
});

it('has the secret in no message', () => {
  try {
    keyOfSecret({ name: 'x', algorithm: 'hmac-sha256', secret: 'not base64 at all!' });
    expect.unreachable();
  } catch (error) {
    expect(JSON.stringify(error) + String(error)).not.toContain('not base64 at all');
  }
});

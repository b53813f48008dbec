import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolverAddress } from './client.ts';
import { CookieJar, isCookieLength, parseCookieSecrets } from './cookies.ts';

const SECRET = 'e5e973e5a6b2a43f48e7dc849e37bfcf';
const OLD_SECRET = 'dd3bdf9344b678b185a6f5cb60fca715';
const NEW_SECRET = '445536bcd2513298075a5d379663c962';
const IPV6 = '2001:db8:220:1:59de:d0f4:8769:82b8';

function jarOf(now: number, ...secrets: string[]): CookieJar {
  const parsed = parseCookieSecrets(secrets.join('\n'));
  if (parsed === undefined) throw new Error('bad secrets');
  return new CookieJar(parsed, () => now);
}

function open(jar: CookieJar, cookie: string, address: string) {
  const padded = Buffer.from(`ffff${cookie}`, 'hex');
  const octets = resolverAddress(address)?.bytes ?? new Uint8Array(4);
  const valid = jar.open(padded, 2, padded.length - 2, octets);
  return { valid, reply: Buffer.from(jar.reply).toString('hex') };
}

describe('server cookies, by the examples of RFC 9018 appendix A', () => {
  it('A.1: learning a new server cookie', () => {
    expect(open(jarOf(1559731985, SECRET), '2464c4abcf10c957', '198.51.100.100')).toEqual({
      valid: false,
      reply: '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
    });
  });

  it('A.2: the same client learning a renewed (fresh) one', () => {
    const cookie = '2464c4abcf10c957010000005cf79f111f8130c3eee29480';
    expect(open(jarOf(1559734385, SECRET), cookie, '198.51.100.100')).toEqual({
      valid: true,
      reply: '2464c4abcf10c957010000005cf7a871d4a564a1442aca77',
    });
  });

  it('A.3: reserved octets are part of what is checked, and zero in the new cookie', () => {
    const cookie = 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5';
    expect(open(jarOf(0x5cf78f71, SECRET), cookie, '203.0.113.203').valid).toBe(true);
    // By the time of the example's answer it is older than the hour that section 4.3 gives it.
    expect(open(jarOf(1559734700, SECRET), cookie, '203.0.113.203')).toEqual({
      valid: false,
      reply: 'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e',
    });
  });

  it('A.4: over IPv6, with the secret before it: accepted, and answered with a cookie of the new one', () => {
    const old = '22681ab97d52c298010000005cf7c57926556bd0934c72f8';
    const expected = '22681ab97d52c298010000005cf7c609a6bb79d16625507a';
    expect(open(jarOf(1559741961, NEW_SECRET, OLD_SECRET), old, IPV6)).toEqual({
      valid: true,
      reply: expected,
    });
    expect(open(jarOf(1559741961, NEW_SECRET), old, IPV6)).toEqual({ valid: false, reply: expected });
    expect(open(jarOf(1559741961, NEW_SECRET, SECRET), old, IPV6)).toEqual({ valid: false, reply: expected });
  });
});

describe('a server cookie', () => {
  const made = open(jarOf(1_000_000, SECRET), '0102030405060708', '192.0.2.1').reply;

  it.each([
    ['at once', 0, true],
    ['for an hour', 3600, true],
    ['not longer', 3601, false],
    ['of a server whose clock is 5 minutes ahead', -300, true],
    ['not of one further ahead', -301, false],
  ])('is good %s', (_when, age, valid) => {
    expect(open(jarOf(1_000_000 + age, SECRET), made, '192.0.2.1').valid).toBe(valid);
  });

  it('is sent back as it is while it is fresh, and renewed after half an hour', () => {
    expect(open(jarOf(1_001_800, SECRET), made, '192.0.2.1').reply).toBe(made);
    expect(open(jarOf(1_001_801, SECRET), made, '192.0.2.1').reply).not.toBe(made);
  });

  it('is good across the end of 32-bit time', () => {
    const late = open(jarOf(0xffff_fff0, SECRET), '0102030405060708', '192.0.2.1').reply;
    expect(open(jarOf(0x1_0000_0010, SECRET), late, '192.0.2.1').valid).toBe(true);
  });

  it('I24 is good for no other address, client cookie, secret, version or octet', () => {
    const jar = jarOf(1_000_000, SECRET);
    expect(open(jar, made, '192.0.2.1').valid).toBe(true);
    expect(open(jar, made, '192.0.2.2').valid).toBe(false);
    expect(open(jar, made, '2001:db8::1').valid).toBe(false);
    expect(open(jarOf(1_000_000, NEW_SECRET), made, '192.0.2.1').valid).toBe(false);
    for (let at = 0; at < made.length; at += 2) {
      const wrong = made.slice(0, at) + (made.startsWith('ff', at) ? '00' : 'ff') + made.slice(at + 2);
      expect(open(jar, wrong, '192.0.2.1').valid, `octet ${at / 2}`).toBe(false);
    }
  });

  it('is never found in octets that nobody made', () => {
    const jar = jarOf(1_000_000, SECRET, OLD_SECRET);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 40 }), (octets) => {
        expect(jar.open(octets, 0, octets.length, Uint8Array.of(192, 0, 2, 1))).toBe(false);
      }),
    );
  });

  it('of a changed secret is made from the next query on', () => {
    const jar = jarOf(1_000_000, SECRET);
    const secrets = parseCookieSecrets(`${NEW_SECRET}\n${SECRET}`);
    if (secrets === undefined) throw new Error('bad secrets');
    jar.change(secrets);
    expect(open(jar, made, '192.0.2.1')).toMatchObject({ valid: true });
    expect(open(jar, made, '192.0.2.1').reply).not.toBe(made);
  });
});

describe('the length of a cookie option', () => {
  it('is 8, or 16 to 40', () => {
    const good = Array.from({ length: 60 }, (_, i) => i).filter(isCookieLength);
    expect(good).toEqual([8, ...Array.from({ length: 25 }, (_, i) => 16 + i)]);
  });
});

describe('a file of secrets', () => {
  it.each([
    ['nothing', ''],
    ['three lines', [SECRET, NEW_SECRET, OLD_SECRET].join('\n')],
    ['a short line', SECRET.slice(1)],
    ['no digits', 'z'.repeat(32)],
    ['a good line and a bad one', `${SECRET}\nxyz`],
  ])('with %s is refused', (_what, text) => expect(parseCookieSecrets(text)).toBeUndefined());

  it('may have blank lines and spaces at the ends', () => {
    expect(parseCookieSecrets(`\n ${SECRET} \r\n${NEW_SECRET}\n\n`)?.others).toHaveLength(1);
  });
});

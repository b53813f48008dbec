import { describe, expect, it } from 'vitest';
import { DEFAULT_NAME_SERVER_SETTINGS } from './default-settings.ts';
import { nameServerSettings, withAbsoluteFiles } from './settings.ts';

const files = { certFile: 'dns.crt', keyFile: 'dns.key' };
const listenOf = (text: string) => nameServerSettings.safeParse({ tls: { ...files, listen: [text] } });

describe('the settings of a name server', () => {
  it('protect by default: cookies, limits, 1232 octets, loopback exempt; no TLS, no name', () => {
    expect(DEFAULT_NAME_SERVER_SETTINGS).toMatchObject({
      udpOctets: 1232,
      cookies: { enabled: true, require: false },
      rateLimit: { mode: 'on', slip: 2, exempt: ['127.0.0.0/8', '::1/128'] },
    });
    expect(DEFAULT_NAME_SERVER_SETTINGS.tls).toBeUndefined();
    expect(DEFAULT_NAME_SERVER_SETTINGS.nsid).toBeUndefined();
  });

  it('I24 allow no UDP answer above 1232 octets without a cookie', () => {
    expect(nameServerSettings.safeParse({ udpOctets: 1233 }).success).toBe(false);
    expect(nameServerSettings.safeParse({ udpOctets: 511 }).success).toBe(false);
    expect(nameServerSettings.safeParse({ udpOctetsWithCookie: 4097 }).success).toBe(false);
  });

  it('take a server name that fits into a TXT record, in octets', () => {
    expect(nameServerSettings.safeParse({ nsid: '\u00fc'.repeat(127) }).success).toBe(true);
    expect(nameServerSettings.safeParse({ nsid: '\u2603'.repeat(86) }).error?.issues[0]?.message).toBe(
      'the name has 258 octets; a TXT record holds 255',
    );
  });

  it.each([
    ['192.0.2.1:8853', { host: '192.0.2.1', port: 8853 }],
    ['192.0.2.1', { host: '192.0.2.1', port: 853 }],
    ['[::1]:853', { host: '::1', port: 853 }],
    ['[2001:db8::53]', { host: '2001:db8::53', port: 853 }],
  ])('speak TLS on %s', (text, address) => expect(listenOf(text).data?.tls?.listen).toEqual([address]));

  it.each(['', 'localhost:853', '::1', '192.0.2.256:853', '[192.0.2.1', '192.0.2.1:65536', '192.0.2.1:'])(
    'refuse to speak TLS on %j',
    (text) => expect(listenOf(text).success).toBe(false),
  );

  it('name files relative to the configuration file', () => {
    const settings = nameServerSettings.parse({
      cookies: { secretFile: 'cookie' },
      tls: { ...files, listen: ['192.0.2.1'] },
    });
    const absolute = withAbsoluteFiles(settings, (path) => `/etc/${path}`);
    expect(absolute).toMatchObject({
      cookies: { enabled: true, secretFile: '/etc/cookie' },
      tls: { certFile: '/etc/dns.crt', keyFile: '/etc/dns.key', listen: [{ host: '192.0.2.1', port: 853 }] },
    });
    expect(withAbsoluteFiles(DEFAULT_NAME_SERVER_SETTINGS, () => expect.unreachable())).toEqual(
      DEFAULT_NAME_SERVER_SETTINGS,
    );
  });
});

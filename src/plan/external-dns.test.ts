import { describe, expect, it } from 'vitest';
import { externalDnsMarkers, parseHeritage } from './external-dns.ts';
import { set, txt } from './testing/zone.ts';
import { txtValue } from './txt-value.ts';

const HERITAGE = 'heritage=external-dns,external-dns/owner=default,external-dns/resource=ingress/shop/web';

describe('the heritage of external-dns', () => {
  it.each([
    [HERITAGE, { owner: 'default', resource: 'ingress/shop/web' }],
    [`"${HERITAGE}"`, { owner: 'default', resource: 'ingress/shop/web' }],
    ['heritage=external-dns,external-dns/owner=eks', { owner: 'eks', resource: '' }],
    ['heritage=mate,mate/owner=x', undefined],
    ['v=spf1 include:heritage=external-dns -all', undefined],
    ['nothing of the kind', undefined],
  ])('is read from %s', (text, expected) => {
    expect(parseHeritage(txtValue(text))).toEqual(expected);
  });

  /* Names as the registry writes them: with no flags, --txt-prefix, --txt-suffix, %{record_type}, --txt-wildcard-replacement. */
  it.each<[string, string, string, string | undefined]>([
    // marker, record, its type, type that the marker claims
    ['www', 'www', 'A', undefined],
    ['a-www', 'www', 'A', 'A'],
    ['aaaa-www', 'www', 'AAAA', 'AAAA'],
    ['cname-www', 'www', 'CNAME', 'CNAME'],
    ['cname-www', 'www', 'A', 'A'],
    ['ns-geo', 'geo', 'NS', 'NS'],
    ['extdns-www', 'www', 'A', undefined],
    ['extdns-a-www', 'www', 'A', 'A'],
    ['extdns.www', 'www', 'A', undefined],
    ['extdns.cname-www', 'www', 'CNAME', 'CNAME'],
    ['cname-abc-.www', 'www', 'CNAME', 'CNAME'],
    ['a-www-txt', 'www', 'A', 'A'],
    ['www-txt', 'www', 'A', undefined],
    ['www-aaaa-txt', 'www', 'AAAA', 'AAAA'],
    ['www-.cname', 'www', 'CNAME', 'CNAME'],
    ['a-*', '*', 'A', 'A'],
    ['a-any', '*', 'A', 'A'],
    ['a-www.eu', 'www.eu', 'A', 'A'],
    ['a-abc-.example.com.', '', 'A', 'A'],
    ['', '', 'A', undefined],
    ['mx-a.b', 'a.b', 'MX', 'MX'],
  ])('at %s is of %s %s', (marker, record, type, claims) => {
    const [found, ...more] = externalDnsMarkers([
      txt(marker, HERITAGE),
      set(record, type, 'x'),
      set('unrelated', 'A', 'x'),
    ]);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ owner: 'default', type: claims, name: set(record, type).name });
  });

  it('is of the longer hostname when two fit, unless a type decides', () => {
    const zone = [set('www', 'A', 'x'), set('b-www', 'A', 'x'), set('a-www', 'CNAME', 'x')];
    expect(externalDnsMarkers([...zone, txt('a-b-www', HERITAGE)])[0]).toMatchObject({
      name: 'b-www.example.com.',
      type: 'A',
    });
    expect(externalDnsMarkers([...zone, txt('a-www', HERITAGE)])[0]).toMatchObject({
      name: 'www.example.com.',
      type: 'A',
    });
  });

  it('whose records are gone is of nobody', () => {
    expect(externalDnsMarkers([txt('a-gone', HERITAGE), set('www', 'A', 'x')])[0]?.name).toBeUndefined();
    expect(externalDnsMarkers([txt('gone', HERITAGE), set('*', 'A', 'x')])[0]?.name).toBeUndefined();
  });

  it('is found among other values of one TXT set', () => {
    const mixed = { ...txt('', HERITAGE), values: [txtValue(HERITAGE), txtValue('v=spf1 -all')].sort() };
    const found = externalDnsMarkers([mixed, set('', 'A', '192.0.2.1')]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ name: 'example.com.', value: txtValue(HERITAGE) });
  });
});

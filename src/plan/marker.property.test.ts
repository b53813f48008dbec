import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMarker, type Marker, markerSet, parseMarker, readMarkerSet } from './marker.ts';
import { at, txt } from './testing/zone.ts';
import { txtText, txtValue } from './txt-value.ts';

const owner = fc.stringMatching(/^[a-z0-9-]{1,64}$/);
const marker: fc.Arbitrary<Marker> = fc.record({
  owner,
  types: fc.uniqueArray(fc.constantFrom('A', 'AAAA', 'CNAME', 'NS', 'DS', 'TYPE65280')).map((t) => t.sort()),
  resource: fc.stringMatching(/^[a-z]{1,12}\/[a-z0-9-]{1,40}\/[a-z0-9.-]{1,200}$/),
  below: fc.uniqueArray(fc.constantFrom(at('ns1.geo'), at('ns2.geo'), at('a.b.geo'))).map((b) => b.sort()),
  values: fc.option(
    fc
      .uniqueArray(
        fc.record({
          type: fc.constantFrom('A', 'AAAA', 'TXT', 'MX'),
          value: fc.oneof(
            fc.constantFrom('192.0.2.1', '2001:db8::1', '10 mail.example.com.'),
            fc.string({ maxLength: 40 }).map(txtValue),
          ),
        }),
        { selector: ({ type, value }) => `${type}/${value}` },
      )
      .map((list) =>
        list.sort((a, b) =>
          `${a.type}/${encodeURIComponent(a.value)}` < `${b.type}/${encodeURIComponent(b.value)}` ? -1 : 1,
        ),
      ),
    { nil: undefined },
  ),
});

describe('a marker', () => {
  it('is read as it was written, whatever its length', () => {
    fc.assert(
      fc.property(marker, (one) => {
        const read = parseMarker(formatMarker(one));
        expect({ ...read, values: read?.values?.length }).toEqual({ ...one, values: one.values?.length });
        expect(new Set(read?.values?.map((v) => `${v.type} ${v.value}`))).toEqual(
          new Set(one.values?.map((v) => `${v.type} ${v.value}`)),
        );
      }),
    );
  });

  it('keeps each character-string within 255 octets', () => {
    const long = {
      owner: 'o',
      types: ['A'],
      resource: `trafficpolicy/shop/${'x'.repeat(600)}`,
      below: [],
      values: undefined,
    };
    const value = formatMarker(long);
    expect(value.split('" "').map((part) => part.replaceAll('"', '').length)).toEqual([
      255,
      255,
      expect.any(Number),
    ]);
    expect(txtText(value)?.length).toBeGreaterThan(600);
    expect(parseMarker(value)?.resource).toBe(long.resource);
  });

  it('stands beside those of other owners and beside what is none, and leaves both as they were', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(marker, { selector: (m) => m.owner, minLength: 1, maxLength: 4 }),
        fc.string(),
        (markers, note) => {
          const other = txtValue(`note ${note}`);
          const made = markerSet(at('www._owner._portolan'), markers, [other]);
          const read = made === undefined ? undefined : readMarkerSet(made);
          expect(new Set(read?.markers.map((m) => m.owner))).toEqual(new Set(markers.map((m) => m.owner)));
          expect(read?.others).toEqual([other]);
          expect(made?.values).toEqual([...new Set(made?.values)].sort());
        },
      ),
    );
    expect(markerSet(at('www._owner._portolan'), [], [])).toBeUndefined();
  });

  it.each([
    'v=spf1 -all',
    'heritage=portolan',
    'heritage=portolan,portolan/owner=UPPER,portolan/types=A,portolan/resource=x',
    'heritage=portolan,portolan/owner=o,portolan/types=a b,portolan/resource=x',
    'heritage=portolan,portolan/owner=o,portolan/types=A,portolan/resource=%E0%A4%A',
    'heritage=portolan,portolan/owner=o,portolan/types=A,portolan/resource=x,portolan/values=broken',
    'heritage=portolan,portolan/owner=o,portolan/types=A,portolan/resource=x,portolan/below=..',
    'heritage=portolan,nonsense',
    'heritage=external-dns,external-dns/owner=default',
  ])("that is damaged or somebody else's is nobody's: %s", (text) => {
    expect(parseMarker(txtValue(text))).toBeUndefined();
    expect(readMarkerSet(txt('x', text)).others).toHaveLength(1);
  });

  it('written twice by one owner counts for all it says', () => {
    const base = { owner: 'o', resource: 'trafficpolicy/shop/a', below: [], values: undefined };
    const made = markerSet(
      at('x'),
      [{ ...base, types: ['A'] }],
      [formatMarker({ ...base, types: ['AAAA'] })],
    );
    const read = made === undefined ? undefined : readMarkerSet(made);
    expect(read?.markers).toEqual([{ ...base, types: ['A', 'AAAA'] }]);
  });
});

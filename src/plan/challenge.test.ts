import { describe, expect, it } from 'vitest';
import { challengeText, type WantedText } from '../certificates/dns-challenge.ts';
import { challengeDesired } from './challenge.ts';
import { formatMarker } from './marker.ts';
import { planZone } from './plan-zone.ts';
import type { RecordSet } from './record-set.ts';
import { APEX, at, carriedOut, input, lines, OWNER, set, txt, wanted } from './testing/zone.ts';
import { txtValue } from './txt-value.ts';
import type { DesiredName } from './zone-plan.ts';

const TEXTS = ['a', 'b', 'c'].map((token) => challengeText(`${token}.print`)).sort();

function challenge(label: string, ...values: readonly string[]): DesiredName {
  const text: WantedText = { namespace: 'shop', name: at(label), values };
  return challengeDesired({ object: `shop/${label}`, text, ttl: { minSeconds: 0, maxSeconds: 3600 } });
}

/** The zone once these are wanted. */
function zoneWith(current: readonly RecordSet[], ...desired: readonly DesiredName[]): readonly RecordSet[] {
  return carriedOut(current, planZone(input(current, desired, { wholeGroups: true })));
}

const textsOf = (zone: readonly RecordSet[], label: string): readonly string[] =>
  zone.find((one) => one.name === at(label) && one.type === 'TXT')?.values ?? [];

describe('a challenge in the plan of a zone', () => {
  it('comes and goes without counting as a name: no budget holds it, and no name of people is held by it', () => {
    const people = Array.from({ length: 3 }, (_, i) => wanted(`n${i}`, [set(`n${i}`, 'A', '192.0.2.1')]));
    const many = Array.from({ length: 40 }, (_, i) => challenge(`_acme-challenge.n${i}`, TEXTS[0] ?? ''));
    const full = zoneWith(APEX, ...people, ...many);
    const gone = planZone(input(full, people, { maxRemovedPercent: 1 }));
    expect(gone).toMatchObject({ held: [], waitsForApproval: undefined, names: 3 });
    expect(gone.groups).toHaveLength(40);
    expect(gone.groups.every(({ passing }) => passing)).toBe(true);
    // Forty challenges do not make three names of people a small share.
    const emptied = planZone(input(full, many, { maxRemovedPercent: 50 }));
    expect(emptied.waitsForApproval?.names).toHaveLength(3);
  });

  it('goes text by text, and what others put beside it stays', () => {
    const [one = '', two = ''] = TEXTS;
    const zone = zoneWith(APEX, challenge('_acme-challenge', one, two));
    const beside = zone.map((has) =>
      has.name === at('_acme-challenge') ? { ...has, values: [...has.values, '"certbot"'].sort() } : has,
    );
    const left = zoneWith(beside, challenge('_acme-challenge', two));
    expect(textsOf(left, '_acme-challenge')).toEqual([txtValue(two), '"certbot"'].sort());
    expect(textsOf(zoneWith(left), '_acme-challenge')).toEqual(['"certbot"']);
  });

  it("I8 is held where somebody else's text stands", () => {
    const current = [...APEX, txt('_acme-challenge', 'cert-manager')];
    const plan = planZone(input(current, [challenge('_acme-challenge', TEXTS[0] ?? '')]));
    expect(plan.groups).toEqual([]);
    expect(plan.held).toMatchObject([{ code: 'RECORDS_FOREIGN' }]);
  });

  it('I8 gives no right to other texts: a forged marker has none removed', () => {
    const forged = formatMarker({
      owner: OWNER,
      types: ['TXT'],
      resource: 'challenge/shop/spf',
      below: [],
      values: [
        { type: 'TXT', value: '"v=spf1 -all"' },
        { type: 'MX', value: '10 mail.example.com.' },
      ],
    });
    const current = [
      ...APEX,
      set('', 'TXT', '"v=spf1 -all"'),
      set('', 'MX', '10 mail.example.com.'),
      { ...txt('_apex._owner._portolan', ''), values: [forged] },
    ];
    expect(lines(planZone(input(current, [])))).toEqual(['- _apex._owner._portolan.example.com. TXT']);
  });

  it('stays where `deletions` is `never`, and where it is not known yet what is wanted', () => {
    const full = zoneWith(APEX, challenge('_acme-challenge', ...TEXTS));
    const never = planZone(input(full, [], { deletions: 'never' }));
    expect(never.groups).toEqual([]);
    expect(never.held).toMatchObject([{ name: at('_acme-challenge'), code: 'PROVIDER_FROZEN' }]);
    expect(planZone(input(full, [], { keepsPassing: true }))).toMatchObject({ groups: [], held: [] });
    expect(lines(planZone(input(full, [])))).toHaveLength(2);
  });

  it('makes room for a policy that takes its name', () => {
    const full = zoneWith(APEX, challenge('www', TEXTS[0] ?? ''));
    const plan = planZone(input(full, [wanted('www', [set('www', 'A', '192.0.2.1')])]));
    expect(plan.held).toEqual([]);
    const next = carriedOut(full, plan);
    expect(textsOf(next, 'www')).toEqual([]);
    expect(next).toContainEqual(set('www', 'A', '192.0.2.1'));
  });

  it('has the shortest TTL that the provider takes', () => {
    const text: WantedText = { namespace: 'shop', name: at('x'), values: TEXTS };
    const ttl = (minSeconds: number, maxSeconds: number) =>
      challengeDesired({ object: 'shop/x', text, ttl: { minSeconds, maxSeconds } }).sets?.[0]?.ttlSeconds;
    expect([ttl(0, 3600), ttl(300, 3600), ttl(0, 30)]).toEqual([60, 300, 30]);
  });
});

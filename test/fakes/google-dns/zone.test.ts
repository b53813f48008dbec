import { describe, expect, it } from 'vitest';
import { parseName } from '../../../src/dns/name.ts';
import { answerFrom, route } from './answers.ts';
import type { ZoneFacts } from './limits.ts';
import { ManagedZone } from './managed-zone.ts';
import type { ApiChange, ApiRecordSet } from './schema.ts';

const ORIGIN = parseName('example.com.');
const CHECK = 'https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/web';
const FACTS: ZoneFacts = { origin: ORIGIN, private: false, signed: false, healthChecks: new Set([CHECK]) };
const A = { name: 'www.example.com.', type: 'A', ttl: 60, rrdatas: ['192.0.2.1'] };

function zone(facts: Partial<ZoneFacts> = {}): ManagedZone {
  const made = new ManagedZone('example-com', { ...FACTS, ...facts });
  made.edit({ additions: [A] });
  return made;
}

const routed = (routingPolicy: ApiRecordSet['routingPolicy'], type = 'A'): ApiChange => ({
  additions: [{ name: 'r.example.com.', type, ttl: 60, routingPolicy }],
});
const wrr = (item: object): ApiChange => routed({ wrr: { items: [{ weight: 1, ...item }] } });
const checked = { healthCheckedTargets: { externalEndpoints: ['192.0.2.1'] } };
const many = (count: number): ApiRecordSet[] =>
  Array.from({ length: count }, (_, i) => ({ ...A, name: `n${i}.example.com.` }));

describe('the test server of Google Cloud DNS refuses', () => {
  it.each<[string, ApiChange, number, string]>([
    ['an empty change', {}, 400, 'required'],
    ['an addition that is there', { additions: [A] }, 409, 'alreadyExists'],
    [
      'one set twice',
      {
        additions: [
          { ...A, name: 'x.example.com.' },
          { ...A, name: 'x.example.com.' },
        ],
      },
      409,
      'alreadyExists',
    ],
    [
      'a deletion of what is not there',
      { deletions: [{ ...A, type: 'AAAA', rrdatas: ['2001:db8::1'] }] },
      404,
      'notFound',
    ],
    ['a deletion with another TTL', { deletions: [{ ...A, ttl: 61 }] }, 412, 'conditionNotMet'],
    ['a deletion with other data', { deletions: [{ ...A, rrdatas: ['192.0.2.2'] }] }, 412, 'conditionNotMet'],
    [
      'a CNAME beside others',
      { additions: [{ ...A, type: 'CNAME', rrdatas: ['x.example.net.'] }] },
      400,
      'cnameResourceRecordSetConflict',
    ],
    [
      'a CNAME at the apex',
      { additions: [{ ...A, name: ORIGIN, type: 'CNAME', rrdatas: ['x.example.net.'] }] },
      400,
      'cnameResourceRecordSetConflict',
    ],
    [
      'two CNAMEs',
      { additions: [{ name: 'c.example.com.', type: 'CNAME', ttl: 1, rrdatas: ['a.', 'b.'] }] },
      400,
      'invalidRecordCount',
    ],
    ['a name of another zone', { additions: [{ ...A, name: 'www.example.net.' }] }, 400, 'invalid'],
    ['a name without its last dot', { additions: [{ ...A, name: 'x.example.com' }] }, 400, 'invalid'],
    ['a TTL below 0', { additions: [{ ...A, name: 'x.example.com.', ttl: -1 }] }, 400, 'invalid'],
    [
      'a type it does not have',
      { additions: [{ ...A, name: 'x.example.com.', type: 'DNAME', rrdatas: ['y.'] }] },
      400,
      'invalid',
    ],
    [
      'data of another type',
      { additions: [{ ...A, name: 'x.example.com.', rrdatas: ['2001:db8::1'] }] },
      400,
      'invalid',
    ],
    [
      'text beyond 255 octets in one string',
      { additions: [{ ...A, name: 'x.example.com.', type: 'TXT', rrdatas: ['k'.repeat(256)] }] },
      400,
      'invalid',
    ],
    [
      '101 records in a set',
      {
        additions: [
          { ...A, name: 'x.example.com.', rrdatas: Array.from({ length: 101 }, (_, i) => `192.0.2.${i}`) },
        ],
      },
      400,
      'invalid',
    ],
    ['1,001 additions', { additions: many(1001) }, 413, 'quotaExceeded'],
    [
      'more than 100,000 bytes',
      { additions: many(400).map((set) => ({ ...set, type: 'TXT', rrdatas: ['k'.repeat(255)] })) },
      413,
      'quotaExceeded',
    ],
    [
      'SOA below the apex',
      { additions: [{ ...A, name: 's.example.com.', type: 'SOA', rrdatas: ['a. b. 1 2 3 4 5'] }] },
      400,
      'invalidZoneApex',
    ],
    [
      'data and a routing policy at once',
      { additions: [{ ...A, name: 'x.example.com.', routingPolicy: { wrr: { items: [] } } }] },
      400,
      'invalidFieldValue',
    ],
    [
      'neither data nor a routing policy',
      { additions: [{ name: 'x.example.com.', type: 'A', ttl: 60 }] },
      400,
      'invalidFieldValue',
    ],
    ['two routing policies', routed({ wrr: { items: [] }, geo: { items: [] } }), 400, 'invalid'],
    ['no items', routed({ wrr: { items: [] } }), 400, 'invalid'],
    ['a weight below 0', wrr({ weight: -1, rrdatas: ['192.0.2.1'] }), 400, 'invalid'],
    ['an item without data', wrr({}), 400, 'invalid'],
    [
      'a routed type that cannot be',
      routed({ wrr: { items: [{ weight: 1, rrdatas: ['0 issue "x"'] }] } }, 'CAA'),
      400,
      'invalid',
    ],
    ['addresses to check without a health check', wrr(checked), 400, 'invalid'],
    [
      'a health check that is not there',
      routed({ healthCheck: 'x', wrr: { items: [{ weight: 1, ...checked }] } }),
      400,
      'invalid',
    ],
    [
      'a country as location',
      routed({ geo: { items: [{ location: 'DE', rrdatas: ['192.0.2.1'] }] } }),
      400,
      'invalid',
    ],
    [
      'a location twice',
      routed({
        geo: { items: ['192.0.2.1', '192.0.2.2'].map((a) => ({ location: 'us-east1', rrdatas: [a] })) },
      }),
      400,
      'invalid',
    ],
    [
      'a failover without a backup',
      routed({ healthCheck: CHECK, primaryBackup: { primaryTargets: checked.healthCheckedTargets } }),
      400,
      'invalid',
    ],
  ])('%s', (_, change, status, reason) => {
    const made = zone();
    const before = made.resources();
    expect(() => made.change(change, 0, 0)).toThrow(expect.objectContaining({ status, reason }));
    expect(made.resources()).toEqual(before);
  });

  it('a zone without its SOA or NS', () => {
    const made = zone();
    for (const type of ['SOA', 'NS']) {
      const set = made.find(ORIGIN, type);
      if (set === undefined) throw new Error('it is there');
      expect(() => made.change({ deletions: [set] }, 0, 0)).toThrow(
        expect.objectContaining({ reason: 'invalidZoneApex' }),
      );
      made.change({ deletions: [set], additions: [{ ...set, ttl: 60 }] }, 0, 0);
    }
  });

  it('external addresses to check in a private zone, and several of an item where DNSSEC is on', () => {
    const policy = (addresses: string[]): ApiChange =>
      routed({
        healthCheck: CHECK,
        wrr: { items: [{ weight: 1, healthCheckedTargets: { externalEndpoints: addresses } }] },
      });
    const invalid = expect.objectContaining({ reason: 'invalid' }) as Error;
    expect(() => zone({ private: true }).change(policy(['192.0.2.1']), 0, 0)).toThrow(invalid);
    expect(() => zone({ signed: true }).change(policy(['192.0.2.1', '192.0.2.2']), 0, 0)).toThrow(invalid);
    zone({ signed: true }).change(policy(['192.0.2.1']), 0, 0);
    zone().change(policy(['192.0.2.1', '192.0.2.2']), 0, 0);
  });
});

describe('the test server of Google Cloud DNS answers', () => {
  const PARIS = [48.9, 2.4] as const;
  const situation = { isUp: () => true, random: () => 0.5, at: PARIS };

  it('with the nearest region, and there is none for everybody else', () => {
    const geo = {
      items: [
        { location: 'us-east1', rrdatas: ['192.0.2.1'] },
        { location: 'europe-west1', rrdatas: ['192.0.2.2'] },
      ],
    };
    expect(route({ geo }, situation)).toEqual(['192.0.2.2']);
    expect(route({ geo }, { ...situation, at: [40, -75] })).toEqual(['192.0.2.1']);
  });

  it('from the next region when nothing is up in the nearest, unless that is fenced', () => {
    const item = (location: string, address: string) => ({
      location,
      healthCheckedTargets: { externalEndpoints: [address] },
    });
    const items = [item('us-east1', '192.0.2.1'), item('europe-west1', '192.0.2.2')];
    const down = { ...situation, isUp: (address: string) => address === '192.0.2.1' };
    expect(route({ geo: { items } }, down)).toEqual(['192.0.2.1']);
    expect(route({ geo: { items, enableFencing: true } }, down)).toEqual(['192.0.2.2']);
  });

  it('with the backup for the share that trickles', () => {
    const primaryBackup = {
      primaryTargets: { externalEndpoints: ['192.0.2.1'] },
      backupGeoTargets: { items: [{ location: 'us-east1', rrdatas: ['192.0.2.9'] }] },
      trickleTraffic: 0.1,
    };
    expect(route({ primaryBackup }, { ...situation, random: () => 0.05 })).toEqual(['192.0.2.9']);
    expect(route({ primaryBackup }, situation)).toEqual(['192.0.2.1']);
  });

  it.each([
    ['www.example.com.', 'A', 0, 1],
    ['www.example.com.', 'AAAA', 0, 0],
    ['nothing.example.com.', 'A', 3, 0],
    ['deep.example.com.', 'A', 0, 0],
    ['any.wild.example.com.', 'A', 0, 1],
    ['wild.example.com.', 'A', 0, 0],
  ])('%s %s: RCODE %i, %i answers', (name, type, rcode, count) => {
    const made = zone();
    made.edit({
      additions: [
        { ...A, name: '*.wild.example.com.' },
        { ...A, name: 'very.deep.example.com.' },
      ],
    });
    const answer = answerFrom(ORIGIN, made.served(0), parseName(name), type, situation);
    expect([answer.rcode ?? 0, answer.answers.length]).toEqual([rcode, count]);
    if (count === 0) expect(answer.authority?.map((record) => record.type)).toEqual(['SOA']);
  });
});

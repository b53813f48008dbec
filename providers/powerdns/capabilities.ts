import type { SetChange } from '../../src/plan/record-set.ts';
import type { Capabilities } from '../contract.ts';

/** `webserver-max-bodysize` is 2 MB unless it is changed; the frame of a request needs little. */
const MAX_BODY_OCTETS = 1_900_000;
/** Keys and punctuation of an RRset, and of a record, in the JSON of a PATCH. */
const SET_OCTETS = 96;
const RECORD_OCTETS = 40;

const LUA = 'With `spec.powerdns.lua` a LUA record decides at each query; else the hub writes plain records.';

/** What the HTTP API of PowerDNS 4.x does (https://doc.powerdns.com/authoritative/http-api/zone.html). */
export const CAPABILITIES: Capabilities = {
  preconditions: 'none',
  preconditionsWhy:
    'The API replaces an RRset whatever it holds; a PATCH is one transaction, but nothing in it can be made to depend on what is there, so the zone is read right before and right after it.',
  batch: {
    // No limit is documented besides the body's size; a thousand sets take a hundredth of a second on SQLite.
    maxChanges: 1000,
    cost: (change) => ({ changes: 1, octets: octetsOf(change) }),
    maxOctets: MAX_BODY_OCTETS,
  },
  // The API is one thread beside the name server, and has no limit of its own.
  rate: { perSecond: 20, burst: 20 },
  // RFC 2181 section 8; the API itself takes more than resolvers do.
  ttl: { minSeconds: 0, maxSeconds: 0x7fff_ffff },
  routing: [
    {
      feature: 'geo',
      native: true,
      reason: `${LUA} It uses \`country()\` and \`region()\`: the GeoIP backend has to be loaded.`,
    },
    {
      feature: 'subnets',
      native: false,
      reason: 'The LUA record is made from countries; networks are not in it.',
    },
    { feature: 'weights', native: true, reason: LUA },
    {
      feature: 'failover',
      native: true,
      reason: `${LUA} It uses \`ifportup()\` and \`ifurlup()\` when the provider decides on health.`,
    },
    {
      feature: 'residency',
      native: true,
      reason: `${LUA} It answers by country, so a located client stays inside.`,
    },
    {
      feature: 'sticky',
      native: true,
      reason: `${LUA} It uses \`pickwhashed()\`: a client network keeps its member.`,
    },
    {
      feature: 'mixedTypes',
      native: false,
      reason: 'A CNAME beside addresses at one name is no valid zone.',
    },
  ],
  healthChecks: { native: true },
  ownTypes: ['LUA'],
  unsupportedTypes: [
    ...['RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'DNSKEY'].map((type) => ({
      type,
      reason: 'PowerDNS makes them when it signs the zone.',
    })),
    { type: 'SOA', reason: 'PowerDNS keeps the serial (SOA-EDIT-API).' },
  ],
  staleWriter:
    'A writer that was paused between its reading of zone and fence and its PATCH can overwrite a set; the hub that leads finds that when it reads the zone again (15 s and 170 s after it took over, then every driftCheckSeconds), and repairs it.',
};

function octetsOf({ before, after }: SetChange): number {
  const set = after ?? before;
  const contents = [...set.values, ...luaContents(set.native)];
  return (
    SET_OCTETS +
    set.name.length +
    contents.reduce((sum, content) => sum + RECORD_OCTETS + JSON.stringify(content).length, 0)
  );
}

function luaContents(native: NonNullable<SetChange['after']>['native']): readonly string[] {
  const lua = native?.lua;
  return Array.isArray(lua) ? lua.filter((content) => typeof content === 'string') : [];
}

import { type DomainName, isAtOrBelow, tryParseName } from '../../../src/dns/name.ts';
import { RCODE } from '../../../src/dns/types.ts';
import {
  country,
  type DnsFrontOptions,
  type FrontAnswer,
  type FrontQuestion,
  type FrontRecord,
} from '../dns-front.ts';
import { DNS_TYPES, type DnsType, fqdnOf, recordsOf, type StoredSet, type StoredZone } from './dns-zones.ts';
import { evaluate } from './evaluate.ts';
import type { TrafficManager } from './traffic-manager.ts';

/** Azure's name servers: record sets as they are, aliases as Traffic Manager answers them for the client of the query. */
export function azureAnswers(
  zones: ReadonlyMap<string, StoredZone>,
  trafficManager: TrafficManager,
  locate: (question: FrontQuestion) => Promise<string | undefined> = (question) => country(question.client),
): DnsFrontOptions['answer'] {
  return async (question) => {
    const zone = [...zones.values()]
      .filter(({ origin }) => isAtOrBelow(question.name, origin))
      .sort((a, b) => b.origin.length - a.origin.length)[0];
    if (zone === undefined) return { rcode: RCODE.REFUSED, aa: false, answers: [] };
    const place = await locate(question);
    return answerFrom(zone, question, trafficManager, place);
  };
}

function answerFrom(
  zone: StoredZone,
  question: FrontQuestion,
  trafficManager: TrafficManager,
  place: string | undefined,
): FrontAnswer {
  const owners = Map.groupBy(zone.sets.values(), (set) => fqdnOf(zone, set.name.toLowerCase()));
  const negative = (rcode: number): FrontAnswer => {
    const soa = zone.sets.get('SOA/@');
    return {
      rcode,
      answers: [],
      authority: soa === undefined ? [] : recordsAt(zone.origin, soa),
    };
  };
  const delegation = [...owners.keys()].find(
    (name) =>
      name !== zone.origin &&
      isAtOrBelow(question.name, name) &&
      owners.get(name)?.some((s) => s.type === 'NS'),
  );
  if (delegation !== undefined) {
    const ns = owners.get(delegation)?.find((set) => set.type === 'NS');
    return { aa: false, answers: [], authority: ns === undefined ? [] : recordsAt(delegation, ns) };
  }
  const sets = owners.get(question.name) ?? wildcardFor(question.name, zone, owners);
  if (sets === undefined) {
    const above = [...owners.keys()].some((name) => isAtOrBelow(name, question.name));
    return negative(above ? RCODE.NOERROR : RCODE.NXDOMAIN);
  }
  const type = DNS_TYPES.find((candidate) => candidate === question.type);
  const set = sets.find((s) => s.type === type) ?? sets.find((s) => s.type === 'CNAME');
  if (set === undefined) return negative(RCODE.NOERROR);
  const target = set.properties.targetResource?.id;
  if (target === undefined) {
    const answers = recordsAt(question.name, set);
    return answers.length === 0 ? negative(RCODE.NOERROR) : { answers };
  }
  return aliased(question.name, set.type, target, trafficManager, place) ?? negative(RCODE.NOERROR);
}

/** What Traffic Manager says, under the name of the alias; `undefined`: nothing (NODATA). */
function aliased(
  name: DomainName,
  type: DnsType,
  target: string,
  trafficManager: TrafficManager,
  place: string | undefined,
): FrontAnswer | undefined {
  const profile = trafficManager.byId(target);
  // "If you delete the resource, the alias becomes an empty record set."
  const chosen = profile === undefined ? undefined : evaluate(profile, trafficManager, place);
  if (profile === undefined || chosen === undefined) return undefined;
  const data = typeof tryParseName(chosen) === 'string' && type === 'CNAME' ? `${chosen}.` : chosen;
  // The client's network decided, so the answer is for no wider one.
  return { answers: [{ name, type, ttlSeconds: profile.properties.dnsConfig.ttl, data }], ecsScope: 24 };
}

function wildcardFor(
  name: DomainName,
  zone: StoredZone,
  owners: ReadonlyMap<DomainName, readonly StoredSet[]>,
): readonly StoredSet[] | undefined {
  for (let above = parentText(name); above !== undefined; above = parentText(above)) {
    const found = [...owners].find(([owner]) => owner === `*.${above}`);
    if (found !== undefined) return found[1];
    // The closest encloser ends the search (RFC 4592).
    if (
      [...owners.keys()].some((owner) => owner === above || owner.endsWith(`.${above}`)) ||
      above === zone.origin
    )
      return undefined;
  }
  return undefined;
}

function parentText(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot < 0 || dot === name.length - 1 ? undefined : name.slice(dot + 1);
}

function recordsAt(name: DomainName, set: StoredSet): readonly FrontRecord[] {
  return recordsOf(set.type, set.properties).map((data) => ({
    name,
    type: set.type,
    ttlSeconds: set.properties.TTL ?? 0,
    data,
  }));
}

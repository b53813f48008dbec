import type { WantedText } from '../../../src/certificates/dns-challenge.ts';
import { uncoveredBy, withAllAbove } from '../../../src/certificates/wildcard-cover.ts';
import { hindranceIn, nodesOf, ownersOf, zoneWithTexts } from '../../../src/certificates/zone-texts.ts';
import { type DomainName, parseName, wildcardUnder } from '../../../src/dns/name.ts';
import type { Resource } from '../../../src/resources/catalogue.ts';
import type { RoutedPolicy } from '../../../src/routing/model.ts';
import type { World } from '../../reconcile/world.ts';
import { holdersOf } from './holders.ts';

/* Texts of challenges in the content that name servers of the hub and its agents answer from. People's Zones are not changed. */

const ROOT = parseName('.');

/** Why a Zone cannot hold a text at a name; `undefined`: it can. */
export function hindranceInZone(world: World, zone: Resource<'Zone'>, name: DomainName): string | undefined {
  return hindranceIn(zone.spec, name, (at) => world.hostnames.has(at));
}

/** By origin: what each Zone holds beside its own records. */
function textsByZone(
  world: World,
  texts: readonly WantedText[],
): ReadonlyMap<DomainName, readonly WantedText[]> {
  const found = new Map<DomainName, WantedText[]>();
  for (const text of texts) {
    const { embedded } = holdersOf(world, text.namespace, text.name);
    if (embedded === undefined || hindranceInZone(world, embedded, text.name) !== undefined) continue;
    const { origin } = embedded.spec;
    const list = found.get(origin);
    if (list === undefined) found.set(origin, [text]);
    else list.push(text);
  }
  return found;
}

interface Content {
  readonly zones: readonly { readonly spec: Resource<'Zone'>['spec'] }[];
  readonly policies: readonly RoutedPolicy[];
}

/** The content of a publication with the texts in its zones; the same object when there are none. */
export function contentWithTexts<C extends Content>(
  content: C,
  world: World,
  texts: readonly WantedText[],
): C {
  if (texts.length === 0) return content;
  const byZone = textsByZone(world, texts);
  if (byZone.size === 0) return content;
  const routed = new Map<DomainName, DomainName>();
  const zones = content.zones.map((zone) => {
    const own = byZone.get(zone.spec.origin);
    if (own === undefined) return zone;
    const copies = copiesFor(world, zone.spec, own);
    for (const [name, wildcard] of copies) if (world.hostnames.has(wildcard)) routed.set(name, wildcard);
    return { ...zone, spec: zoneWithTexts(zone.spec, own, copies) };
  });
  if (routed.size === 0) return { ...content, zones };
  return { ...content, zones, policies: content.policies.map((policy) => policyWith(policy, routed)) };
}

/** What wildcards of the zone do not answer while the texts stand, and which one did: it is answered as before by copies. */
function copiesFor(
  world: World,
  spec: Resource<'Zone'>['spec'],
  texts: readonly WantedText[],
): ReadonlyMap<DomainName, DomainName> {
  const copies = new Map<DomainName, DomainName>();
  const nodes = nodesOf(spec);
  const routed = routedNodes(world);
  for (const { name } of texts) {
    const uncovered = uncoveredBy(
      name,
      spec.origin,
      (at) => nodes.has(at) || routed.has(at),
      (wildcard) => ownersOf(spec).has(wildcard) || world.hostnames.has(wildcard),
    );
    for (const at of uncovered?.names ?? [])
      for (const copy of [at, wildcardUnder(at)])
        if (uncovered !== undefined) copies.set(copy, uncovered.wildcard);
  }
  return copies;
}

const routedNodesOf = new WeakMap<World, ReadonlySet<DomainName>>();

/** Hostnames of policies, and all names above them. */
function routedNodes(world: World): ReadonlySet<DomainName> {
  let found = routedNodesOf.get(world);
  if (found === undefined) {
    const hostnames = [...world.policies.values()].flatMap(({ routed }) => routed?.policy.hostnames ?? []);
    found = withAllAbove(hostnames, ROOT);
    routedNodesOf.set(world, found);
  }
  return found;
}

/* Policies are immutable: what was made of one stays the same object, so that nothing is compiled twice. */
const policies = new WeakMap<RoutedPolicy, { readonly of: string; readonly policy: RoutedPolicy }>();

function policyWith(policy: RoutedPolicy, routed: ReadonlyMap<DomainName, DomainName>): RoutedPolicy {
  const more = [...routed].flatMap(([name, wildcard]) => (policy.hostnames.includes(wildcard) ? [name] : []));
  if (more.length === 0) return policy;
  const of = more.join(' ');
  const known = policies.get(policy);
  if (known?.of === of) return known.policy;
  const next = { ...policy, hostnames: [...policy.hostnames, ...more] };
  policies.set(policy, { of, policy: next });
  return next;
}

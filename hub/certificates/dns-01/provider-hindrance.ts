import type { ZoneContent } from '../../../providers/contract.ts';
import type { WantedText } from '../../../src/certificates/dns-challenge.ts';
import { uncoveredBy, withAllAbove } from '../../../src/certificates/wildcard-cover.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import { spoken } from '../../../src/plan/zone-guards.ts';
import { takeInventory } from '../../../src/plan/zone-inventory.ts';
import type { ProviderDesk } from '../../providers/desk.ts';
import type { HeldZone } from '../../providers/zone-keys.ts';

/** Why a text cannot be put at a name of a zone at a provider, from what was read of it; `undefined`: nothing is known against it. */
export function hindranceAtProvider(
  desk: Pick<ProviderDesk, 'zones' | 'problemOf'>,
  held: HeldZone,
  at: DomainName,
  texts: readonly WantedText[],
): string | undefined {
  const { key, provider, resource, wanted } = held;
  const problem = desk.problemOf(provider);
  if (problem !== undefined) return `DNSProvider ${provider}: ${problem.message}`;
  if (resource.spec.frozen) return `DNSProvider ${provider} is frozen: nothing is written there`;
  const content = desk.zones.get(key)?.worker.content;
  if (content === undefined) return undefined;
  const zone = takeInventory(wanted.origin, content.sets);
  const there = zone.byName.get(at) ?? [];
  const marked = (zone.markers.get(at)?.markers.length ?? 0) > 0;
  const foreign = there.find(({ type }) => type === 'TXT');
  if (foreign !== undefined && !marked && !texts.some(({ name }) => name === at))
    return `${spoken(at)} at ${provider} has TXT records that are not of this hub (${foreign.values.length}, the first: ${foreign.values[0] ?? ''}), which are never changed: remove them, or lead ${spoken(at)} elsewhere by a CNAME`;
  return wildcardAtProvider(desk, held, at);
}

const nodes = new WeakMap<ZoneContent, ReadonlySet<DomainName>>();

/** Whether a text at a name would end what a wildcard of the zone answers, in words; `undefined`: it would not. */
export function wildcardAtProvider(
  desk: Pick<ProviderDesk, 'zones'>,
  { key, wanted }: HeldZone,
  at: DomainName,
): string | undefined {
  const content = desk.zones.get(key)?.worker.content;
  if (content === undefined) return undefined;
  const { byName } = takeInventory(wanted.origin, content.sets);
  let there = nodes.get(content);
  if (there === undefined) {
    there = withAllAbove(byName.keys(), wanted.origin);
    nodes.set(content, there);
  }
  const exists = there;
  const uncovered = uncoveredBy(
    at,
    wanted.origin,
    (name) => exists.has(name),
    (wildcard) => byName.has(wildcard),
  );
  const first = uncovered?.names[0];
  if (uncovered === undefined || first === undefined) return undefined;
  return `${spoken(first)} is answered by the wildcard ${spoken(uncovered.wildcard)}, and a record below it would end that (RFC 4592): publish ${spoken(first)} by itself, or get a certificate for ${spoken(uncovered.wildcard)}`;
}

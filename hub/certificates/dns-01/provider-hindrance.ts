import type { WantedText } from '../../../src/certificates/dns-challenge.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import { spoken } from '../../../src/plan/zone-guards.ts';
import { takeInventory } from '../../../src/plan/zone-inventory.ts';
import type { ProviderDesk } from '../../providers/desk.ts';
import type { HeldZone } from '../../providers/zone-keys.ts';

/** Why a text cannot be put at a name of a zone at a provider, from what was read of it; `undefined`: nothing is known against it. */
export function hindranceAtProvider(
  desk: Pick<ProviderDesk, 'zones' | 'problemOf'>,
  { key, provider, resource, wanted }: HeldZone,
  at: DomainName,
  texts: readonly WantedText[],
): string | undefined {
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
  return undefined;
}

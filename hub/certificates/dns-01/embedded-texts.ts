import type { WantedText } from '../../../src/certificates/dns-challenge.ts';
import { hindranceIn, zoneWithTexts } from '../../../src/certificates/zone-texts.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import type { Resource } from '../../../src/resources/catalogue.ts';
import type { World } from '../../reconcile/world.ts';
import { holdersOf } from './holders.ts';

/* Texts of challenges in the content that name servers of the hub and its agents answer from. People's Zones are not changed. */

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
  return {
    ...content,
    zones: content.zones.map((zone) => {
      const own = byZone.get(zone.spec.origin);
      return own === undefined ? zone : { ...zone, spec: zoneWithTexts(zone.spec, own) };
    }),
  };
}

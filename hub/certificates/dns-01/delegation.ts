import { tryChallengeName } from '../../../src/certificates/dns-challenge.ts';
import { aliasIn } from '../../../src/certificates/zone-texts.ts';
import { type DomainName, tryParseName } from '../../../src/dns/name.ts';
import { messageOf } from '../../../src/errors/error.ts';
import { spoken } from '../../../src/plan/zone-guards.ts';
import { takeInventory } from '../../../src/plan/zone-inventory.ts';
import type { DeskZone } from '../../providers/desk.ts';
import type { World } from '../../reconcile/world.ts';
import type { AliasLookup } from './alias-lookup.ts';
import { type Holders, holdersOf } from './holders.ts';

/** Where the text of a name has to stand. */
export type Place =
  | { readonly found: true; readonly at: DomainName; readonly holders: Holders }
  | {
      readonly found: false;
      readonly why: string;
      /** Nobody could be asked: it may be otherwise in a moment. */
      readonly unsure: boolean;
    };

/** A chain of aliases longer than this is taken for a mistake; CAs follow about as many. */
const MAX_ALIASES = 8;

export interface DelegationOptions {
  readonly world: () => World | undefined;
  readonly zones: () => ReadonlyMap<string, DeskZone>;
  readonly aliasOf: AliasLookup;
}

/**
 * Follows the CNAME records from `_acme-challenge.<name>` (RFC 8555 section 8.4 has the CA do so) to a name in a zone of the namespace. In our own zones
 * records are looked at as they are; elsewhere a resolver is asked. Never rejects.
 */
export function createDelegation({ world, zones, aliasOf }: DelegationOptions) {
  /** The alias that one of the zones has at the name. */
  function ownAlias({ nearest, atProviders }: Holders, at: DomainName): DomainName | undefined {
    const inZone = nearest === undefined || atProviders.length > 0 ? undefined : aliasIn(nearest.spec, at);
    if (inZone !== undefined) return inZone;
    for (const { key, wanted } of atProviders) {
      const content = zones().get(key)?.worker.content;
      const set =
        content === undefined
          ? undefined
          : takeInventory(wanted.origin, content.sets).byKey.get(`${at} CNAME `);
      const alias = tryParseName(set?.values[0] ?? '');
      if (set !== undefined && typeof alias === 'string') return alias;
    }
    return undefined;
  }

  return async (namespace: string, name: string, signal: AbortSignal): Promise<Place> => {
    const no = (why: string, unsure = false): Place => ({ found: false, why, unsure });
    const now = world();
    if (now === undefined) return no('the hub is starting', true);
    const first = tryChallengeName(name);
    if (first === undefined) return no(`_acme-challenge.${name} is too long to be a domain name`);
    const seen = new Set<DomainName>();
    for (let at = first; ; ) {
      seen.add(at);
      const holders = holdersOf(now, namespace, at);
      const isHeld = holders.embedded !== undefined || holders.atProviders.length > 0;
      let alias = ownAlias(holders, at);
      if (alias === undefined && isHeld) return { found: true, at, holders };
      if (alias === undefined) {
        try {
          alias = await aliasOf(at, signal);
        } catch (error) {
          return no(`${holdsNothing(namespace, at, holders)}, and ${messageOf(error)}`, true);
        }
      }
      if (alias === undefined)
        return no(holdsNothing(namespace, at, holders, at === first ? undefined : first));
      if (seen.has(alias)) return no(`the CNAME records from ${spoken(first)} lead back to ${spoken(alias)}`);
      if (seen.size > MAX_ALIASES)
        return no(`more than ${MAX_ALIASES} CNAME records lead on from ${spoken(first)}`);
      at = alias;
    }
  };
}

function holdsNothing(namespace: string, at: DomainName, { nearest }: Holders, from?: DomainName): string {
  const led = from === undefined ? '' : `, where ${spoken(from)} leads by CNAME`;
  if (nearest === undefined)
    return `no Zone or DNSProvider of namespace ${namespace} holds ${spoken(at)}${led}`;
  const { namespace: other, name } = nearest.metadata;
  return `${spoken(at)}${led} lies in Zone ${other}/${name} of another namespace than ${namespace}`;
}

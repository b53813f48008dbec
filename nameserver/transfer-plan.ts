import type { ClientAddress } from '../src/dns/client.ts';
import type { DomainName } from '../src/dns/name.ts';
import { parseTsigKey, type TsigKey, type TsigKeyring } from '../src/dns/tsig-key.ts';
import type { DnsPart, RoutingPart, TsigKeyMaterial } from '../src/protocol/snapshot.ts';
import { type CidrBlock, maskOctets, parseCidr } from '../src/routing/cidr-index.ts';

/** Who may copy which zone, who is told of changes, and every TSIG key. Immutable; made anew with each table. */
export interface TransferPlan {
  readonly zones: ReadonlyMap<DomainName, ZoneTransferPlan>;
  readonly keys: TsigKeyring;
}

export interface ZoneTransferPlan {
  readonly allow: readonly AllowRule[];
  readonly notify: readonly NotifyTarget[];
}

/** Whoever meets all that is named. */
interface AllowRule {
  readonly ranges: readonly CidrBlock[] | undefined;
  readonly key: TsigKey | undefined;
}

export interface NotifyTarget {
  readonly address: string;
  readonly port: number;
  readonly key: TsigKey | undefined;
}

export const NO_TRANSFERS: TransferPlan = { zones: new Map(), keys: new Map() };

/**
 * The plan from what a snapshot says. A rule or target whose key is not there is left out: it lets nobody through and nobody is
 * told without the signature that was asked for. Keys are told apart by what they are, not by their name: two
 * namespaces may use one name for different secrets.
 */
export function transferPlan(
  zones: RoutingPart['zones'],
  tsigKeys: DnsPart['tsigKeys'] | undefined,
): TransferPlan {
  const bySecret = new Map<string, TsigKey>();
  const byContent = new Map<string, TsigKey>();
  const keys = new Map<DomainName, TsigKey[]>();
  for (const [secret, material] of Object.entries(tsigKeys ?? {})) {
    const parsed = usable(material);
    if (parsed === undefined) continue;
    const content = `${parsed.name} ${parsed.algorithm} ${Buffer.from(parsed.secret).toString('base64')}`;
    const key = byContent.get(content) ?? parsed;
    bySecret.set(secret, key);
    if (byContent.has(content)) continue;
    byContent.set(content, key);
    keys.set(key.name, [...(keys.get(key.name) ?? []), key]);
  }
  const plans = new Map<DomainName, ZoneTransferPlan>();
  for (const { namespace, spec } of zones) {
    if (spec.transfers === undefined) continue;
    const keyOf = (name: string | undefined): { readonly key: TsigKey | undefined }[] => {
      if (name === undefined) return [{ key: undefined }];
      const key = bySecret.get(`${namespace}/${name}`);
      return key === undefined ? [] : [{ key }];
    };
    plans.set(spec.origin, {
      allow: spec.transfers.allow.flatMap(({ ranges, tsigSecret }) =>
        keyOf(tsigSecret).map(({ key }) => ({ ranges: ranges?.map(parseCidr), key })),
      ),
      notify: spec.transfers.notify.flatMap(({ address, port, tsigSecret }) =>
        keyOf(tsigSecret).map(({ key }) => ({ address, port, key })),
      ),
    });
  }
  return { zones: plans, keys };
}

/** A key that cannot be used is as one that is not there: nothing else may suffer from it. */
function usable(material: TsigKeyMaterial): TsigKey | undefined {
  try {
    return parseTsigKey(material);
  } catch {
    return undefined;
  }
}

/** Whether this client may copy the zone. @param key that its request was signed with */
export function mayTransfer(
  plan: TransferPlan,
  zone: DomainName,
  client: ClientAddress | undefined,
  key: TsigKey | undefined,
): boolean {
  const rules = plan.zones.get(zone)?.allow ?? [];
  return rules.some((rule) => {
    if (rule.key !== undefined && rule.key !== key) return false;
    if (rule.ranges === undefined) return rule.key !== undefined;
    return client !== undefined && rule.ranges.some((range) => holds(range, client));
  });
}

function holds(range: CidrBlock, { family, bytes }: ClientAddress): boolean {
  return family === range.family && Buffer.compare(maskOctets(bytes, range.prefixLength), range.bytes) === 0;
}

import { namesAgree } from '../../nameserver/routed-table.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { parentOf } from '../../src/dns/name.ts';
import type { RoutedName } from '../../src/dns/routed.ts';
import { compileZone } from '../../src/dns/zone.ts';
import type { ZoneSource } from '../../src/dns/zone-source.ts';
import type { FieldViolation } from '../../src/errors/error.ts';
import type { ZoneSpec } from '../../src/resources/zone.ts';
import type { CompiledPolicy } from '../../src/routing/compiled.ts';
import { typesOf } from '../../src/routing/policy-types.ts';
import type { World } from './world.ts';

/**
 * What is wrong with a zone together with the routed names that lie in it. Paths start at the Zone document (`spec.…`); with
 * `owner` they are for the author of a policy instead, and the message names the zone.
 */
export function zoneViolations(spec: ZoneSpec, world: World, owner?: string): readonly FieldViolation[] {
  return violationsOf(spec, routedIn(spec.origin, world)).map((v) =>
    owner === undefined
      ? { ...v, path: `spec.${v.path}` }
      : { ...v, path: 'spec.hostnames', message: `${owner} (${v.path}): ${v.message}` },
  );
}

/** Origins of the zones that are served. */
export function servedOrigins(world: World): ReadonlySet<string> {
  const served = [...world.objects.Zone.values()].filter((z) => z.metadata.deletionTimestamp === undefined);
  return new Set(served.map((z) => z.spec.origin));
}

/** True when one of the zones contains the name, so that somebody answers it. */
export function isServed(name: string, origins: ReadonlySet<string>): boolean {
  for (let at = name; at !== ''; at = at.slice(at.indexOf('.') + 1)) if (origins.has(at)) return true;
  return origins.has('.');
}

type Routed = ZoneSource['routed'];

/** What was found last of a spec, and with which names: most zones are judged again and again with the same ones. */
const judged = new WeakMap<
  ZoneSpec,
  { readonly routed: Routed; readonly violations: readonly FieldViolation[] }
>();

function violationsOf(spec: ZoneSpec, routed: Routed): readonly FieldViolation[] {
  const last = judged.get(spec);
  if (last !== undefined && namesAgree(last.routed, routed)) return last.violations;
  const result = compileZone({ ...spec, serial: 0, routed });
  const violations = result.ok ? [] : result.violations;
  judged.set(spec, { routed, violations });
  return violations;
}

/** Routed names by the zone of the world that is closest above them. */
const indexes = new WeakMap<World, ReadonlyMap<DomainName, Routed>>();

/** Routed names whose closest zone is `origin`; enough of them to check a zone, not to answer. */
function routedIn(origin: DomainName, world: World): Routed {
  const known = indexes.get(world)?.get(origin);
  if (known !== undefined) return known;
  const origins = new Set([origin, ...[...world.objects.Zone.values()].map((z) => z.spec.origin)]);
  const index = new Map<DomainName, { name: DomainName; routed: RoutedName }[]>(
    [...origins].map((o) => [o, []]),
  );
  for (const [key, { routed }] of world.policies) {
    for (const name of routed?.policy.hostnames ?? []) {
      if (routed === undefined || world.hostnames.get(name) !== key) continue;
      const zone = closest(name, index);
      if (zone !== undefined) index.get(zone)?.push({ name, routed: stubOf(routed.compiled) });
    }
  }
  // An origin that is only proposed takes names from the zone above it: its index is not the world's.
  if ([...world.objects.Zone.values()].some((z) => z.spec.origin === origin)) indexes.set(world, index);
  return index.get(origin) ?? [];
}

function closest(name: DomainName, origins: { has(origin: DomainName): boolean }): DomainName | undefined {
  for (let at: DomainName | undefined = name; at !== undefined; at = parentOf(at))
    if (origins.has(at)) return at;
  return undefined;
}

const stubs = new WeakMap<CompiledPolicy, RoutedName>();

function stubOf(policy: CompiledPolicy): RoutedName {
  let stub = stubs.get(policy);
  if (stub === undefined) {
    stub = {
      types: typesOf(policy),
      answer: () => ({ ttlSeconds: 0, records: [], ecsScope: 0, servfail: true }),
    };
    stubs.set(policy, stub);
  }
  return stub;
}

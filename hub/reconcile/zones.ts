import type { DomainName } from '../../src/dns/name.ts';
import { compileZone } from '../../src/dns/zone.ts';
import type { FieldViolation } from '../../src/errors/error.ts';
import type { ZoneSpec } from '../../src/resources/zone.ts';
import { typesOf } from '../../src/routing/policy-types.ts';
import type { World } from './world.ts';

/**
 * What is wrong with a zone together with the routed names that lie in it. Paths start at the Zone document (`spec.…`); with
 * `owner` they are for the author of a policy instead, and the message names the zone.
 */
export function zoneViolations(spec: ZoneSpec, world: World, owner?: string): readonly FieldViolation[] {
  const result = compileZone({ ...spec, serial: 0, routed: routedIn(spec.origin, world) });
  if (result.ok) return [];
  return result.violations.map((v) =>
    owner === undefined
      ? { ...v, path: `spec.${v.path}` }
      : { ...v, path: 'spec.hostnames', message: `${owner} (${v.path}): ${v.message}` },
  );
}

/** Routed names whose closest zone is `origin`; enough of them to check a zone, not to answer. */
function routedIn(origin: DomainName, world: World): Parameters<typeof compileZone>[0]['routed'] {
  const below = [...world.objects.Zone.values()]
    .map((z) => z.spec.origin)
    .filter((o) => o !== origin && o.endsWith(`.${origin}`));
  return [...world.hostnames].flatMap(([hostname, key]) => {
    const compiled = world.policies.get(key)?.routed?.compiled;
    const name = world.policies.get(key)?.routed?.policy.hostnames.find((h) => h === hostname);
    if (compiled === undefined || name === undefined) return [];
    if (name !== origin && !name.endsWith(`.${origin}`)) return [];
    if (below.some((o) => name === o || name.endsWith(`.${o}`))) return [];
    return [
      {
        name,
        routed: {
          types: typesOf(compiled),
          answer: () => ({ ttlSeconds: 0, records: [], ecsScope: 0, servfail: true }),
        },
      },
    ];
  });
}

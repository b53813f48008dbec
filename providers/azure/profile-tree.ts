import type { DomainName } from '../../src/dns/name.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import type { Decider, PlacedMember, PlacedTier, PlaceGroup } from '../../src/plan/placement.ts';
import type { PlaceCover } from '../../src/plan/places.ts';
import { scaleWeights } from '../../src/plan/weights.ts';
import { codesOf, WORLD } from './geography.ts';
import { type Monitor, monitorOf, UNUSED_MONITOR } from './monitor.ts';

/**
 * Traffic Manager profiles as a tree: Geographic above Priority above Weighted, where a layer that would have nothing to choose is left out.
 * JSON-safe, because it is the content of an aid and its hash is the name.
 * https://learn.microsoft.com/azure/traffic-manager/traffic-manager-nested-profiles
 */
export interface ProfileNode {
  readonly method: 'Geographic' | 'Priority' | 'Weighted';
  readonly ttlSeconds: number;
  readonly monitor: Monitor;
  readonly endpoints: readonly ProfileEndpoint[];
}

export interface ProfileEndpoint {
  readonly name: string;
  /** An address, or a domain name without its last dot; else `child`. */
  readonly target?: string;
  readonly child?: ProfileNode;
  /** With method Weighted: 1 to 1000. */
  readonly weight?: number;
  /** With method Priority: 1 to 1000, each once. */
  readonly priority?: number;
  /** With method Geographic: each code once in the profile. */
  readonly geoMapping?: readonly string[];
  /** "If Always Serve is enabled, probing for endpoint health will be disabled and endpoints will be included"; external endpoints only. */
  readonly alwaysServe?: boolean;
}

export interface TreeInput {
  readonly groups: readonly PlaceGroup[];
  readonly cover: PlaceCover;
  readonly ttlSeconds: number;
  readonly decider: Decider;
}

export interface Tree {
  readonly root: ProfileNode;
  /** Percentage points by which the share of some member is wrong. */
  readonly largestErrorPercent: number;
  /** What the monitor leaves out of the checks of the policy. */
  readonly monitorLoses: readonly string[];
}

/** "weight: from 1 to 1000" */
const MAX_WEIGHT = 1000;

/** A target of a tier with the share it has. */
interface Leaf {
  readonly name: string;
  readonly target: string;
  readonly weight: number;
  /** `undefined`: never probed, always served. */
  readonly monitor: Monitor | undefined;
}

export function treeOf({ groups, cover, ttlSeconds, decider }: TreeInput): Tree {
  const lost = new Set<string>();
  let largestErrorPercent = 0;
  const byMonitor = new Map<string, Monitor>();

  const leavesOf = (members: readonly PlacedMember[]): readonly Leaf[] => {
    const leaves = new Map<string, Leaf>();
    for (const member of members) {
      for (const [at, value] of member.values.entries()) {
        const target = value.replace(/\.$/, '');
        const probed = decider === 'portolan' ? undefined : (member.targets[at] ?? member.targets[0]);
        const asked = probed === undefined ? undefined : monitorOf(probed);
        for (const one of asked?.lost ?? []) lost.add(one);
        const known = leaves.get(target);
        leaves.set(target, {
          name: member.values.length === 1 ? member.endpoint : `${member.endpoint}-${at + 1}`,
          target,
          // One answer holds one target, so those of a member have its weight together.
          weight: (known?.weight ?? 0) + (member.weight === 0 ? 1 : member.weight) / member.values.length,
          monitor: asked === undefined ? undefined : shared(byMonitor, asked.monitor),
        });
      }
    }
    return [...leaves.values()];
  };

  const weighted = (leaves: readonly Leaf[]): ProfileNode => {
    const scaled = scaleWeights(
      leaves.map(({ weight }) => weight),
      MAX_WEIGHT,
    );
    largestErrorPercent = Math.max(largestErrorPercent, scaled.largestErrorPercent);
    const monitors = [...new Set(leaves.flatMap(({ monitor }) => (monitor === undefined ? [] : [monitor])))];
    const alike = monitors.length <= 1;
    const names = uniqueNames(leaves.map(({ name }) => name));
    return {
      method: 'Weighted',
      ttlSeconds,
      monitor: monitors[0] ?? UNUSED_MONITOR,
      endpoints: leaves.map((leaf, at) => {
        const place = { name: names[at] ?? leaf.name, weight: scaled.weights[at] ?? 1 };
        // "All endpoints in a profile share monitoring settings": those with others get a profile of their own.
        return alike
          ? { ...place, target: leaf.target, ...serving(leaf) }
          : { ...place, child: single(leaf, ttlSeconds) };
      }),
    };
  };

  const ofGroup = (group: PlaceGroup): ProfileNode => {
    const levels = group.tiers.flatMap(levelsOf).map(leavesOf);
    const [only] = levels;
    if (levels.length === 1 && only !== undefined) return weighted(only);
    return priority(levels, weighted, ttlSeconds);
  };

  const byGroup = groups.map((group) => ({ group, codes: mappingOf(group.id, cover) }));
  const [first] = byGroup;
  const everywhere = first !== undefined && byGroup.length === 1 && first.codes.join() === WORLD;
  const root: ProfileNode =
    first !== undefined && everywhere
      ? ofGroup(first.group)
      : {
          method: 'Geographic',
          ttlSeconds,
          monitor: UNUSED_MONITOR,
          // Always nested: a Geographic profile pays no heed to the health of its endpoints, so something below it has to.
          endpoints: byGroup
            .filter(({ codes }) => codes.length > 0)
            .map(({ group, codes }) => ({
              name: `places-${group.id}`,
              child: ofGroup(group),
              geoMapping: codes,
            })),
        };
  return { root, largestErrorPercent, monitorLoses: [...lost] };
}

/** Weight 0 is "only when every other member is down", which is a level of its own. */
function levelsOf({ members }: PlacedTier): readonly (readonly PlacedMember[])[] {
  const drawn = members.filter(({ weight }) => weight > 0);
  const last = members.filter(({ weight }) => weight === 0);
  return [drawn, last].filter((level) => level.length > 0);
}

function priority(
  levels: readonly (readonly Leaf[])[],
  weighted: (leaves: readonly Leaf[]) => ProfileNode,
  ttlSeconds: number,
): ProfileNode {
  const all = levels.flat();
  const monitors = new Set(all.flatMap(({ monitor }) => (monitor === undefined ? [] : [monitor])));
  const flat =
    levels.every((level) => level.length === 1) &&
    monitors.size <= 1 &&
    new Set(all.map(({ target }) => target)).size === all.length;
  const names = uniqueNames(all.map(({ name }) => name));
  return {
    method: 'Priority',
    ttlSeconds,
    monitor: flat ? ([...monitors][0] ?? UNUSED_MONITOR) : UNUSED_MONITOR,
    endpoints: flat
      ? all.map((leaf, at) => ({
          name: names[at] ?? leaf.name,
          target: leaf.target,
          priority: at + 1,
          ...serving(leaf),
        }))
      : levels.map((level, at) => ({ name: `tier-${at + 1}`, child: weighted(level), priority: at + 1 })),
  };
}

function single(leaf: Leaf, ttlSeconds: number): ProfileNode {
  return {
    method: 'Weighted',
    ttlSeconds,
    monitor: leaf.monitor ?? UNUSED_MONITOR,
    endpoints: [{ name: leaf.name, target: leaf.target, weight: 1, ...serving(leaf) }],
  };
}

function serving({ monitor }: Leaf): { readonly alwaysServe?: true } {
  return monitor === undefined ? { alwaysServe: true } : {};
}

/** Codes of the places of a group; the fallback's group has the world. */
function mappingOf(group: string, cover: PlaceCover): readonly string[] {
  const own = cover.entries.filter((entry) => entry.group === group);
  const codes = own.flatMap(({ kind, code }) => (kind === 'continent' ? [code] : codesOf(code)));
  return cover.fallback === group ? [WORLD, ...codes] : codes;
}

/** One object for what is alike, so that it can be compared by identity. */
function shared(known: Map<string, Monitor>, monitor: Monitor): Monitor {
  const text = canonicalJson(monitor);
  const same = known.get(text);
  if (same !== undefined) return same;
  known.set(text, monitor);
  return monitor;
}

function uniqueNames(names: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}-again-${times}`;
  });
}

/** Profiles of a tree, each with its path from the root; children before those that nest them. */
export function profilesOf(
  root: ProfileNode,
  path = 'root',
): readonly { readonly path: string; readonly node: ProfileNode }[] {
  const below = root.endpoints.flatMap(({ child }, at) =>
    child === undefined ? [] : profilesOf(child, `${path}.${at}`),
  );
  return [...below, { path, node: root }];
}

/** What a tree is named by: two hubs make the same key of the same content, and one hostname has its own ("20 alias record sets per resource"). */
export function treeContent(hostname: DomainName, type: string, root: ProfileNode): string {
  return canonicalJson({ hostname, type, root });
}

import type { Target } from './types.ts';

/** A connected place to probe from. */
export interface Vantage {
  /** `hub/<uid>` or `agent/<uid>`. */
  readonly id: string;
  readonly kind: 'hub' | 'agent';
  readonly failureDomain: string;
  /** `namespace/name` of the cluster an agent runs on. */
  readonly cluster?: string;
}

export interface AssignmentConfig {
  /** Failure domains, beside those of the target's own agents and the hubs, that probe a target. */
  readonly otherDomains: number;
}

/** With the own agent and the hub that makes five: 3 of 5 must agree, and 2 may be lost (PROTOCOLS "Health"). */
export const DEFAULT_ASSIGNMENT: AssignmentConfig = { otherDomains: 3 };

/**
 * Who probes what: the agents of the target's own cluster, every hub, and one agent in each of up to `otherDomains` other
 * failure domains. These are chosen by rendezvous hashing over what is connected: when a vantage point goes, only its own
 * targets move, and they come back to it when it returns. Work is constant: it depends on how many targets there are and not
 * on how they fare (I13). Costs O(targets × agents).
 * @returns an entry for every vantage point, with target ids in the order of `targets`.
 */
export function assign(
  targets: readonly Pick<Target, 'id' | 'cluster' | 'failureDomain'>[],
  vantages: readonly Vantage[],
  config: AssignmentConfig = DEFAULT_ASSIGNMENT,
): ReadonlyMap<string, readonly string[]> {
  const roster = prepare(vantages);
  const work = new Map<string, string[]>(vantages.map((vantage) => [vantage.id, []]));
  for (const target of targets)
    for (const id of choose(target, roster, config)) work.get(id)?.push(target.id);
  return work;
}

/** The vantage points of one target; the same as in `assign`, without the rest. */
export function assignOne(
  target: Pick<Target, 'id' | 'cluster' | 'failureDomain'>,
  vantages: readonly Vantage[],
  config: AssignmentConfig = DEFAULT_ASSIGNMENT,
): readonly string[] {
  return choose(target, prepare(vantages), config);
}

interface Roster {
  readonly hubs: readonly Vantage[];
  /** Agents by failure domain, each with the hash of its name. */
  readonly domains: readonly {
    readonly name: string;
    readonly hash: number;
    readonly agents: readonly { readonly vantage: Vantage; readonly hash: number }[];
  }[];
}

function prepare(vantages: readonly Vantage[]): Roster {
  const domains = new Map<string, { vantage: Vantage; hash: number }[]>();
  for (const vantage of vantages) {
    if (vantage.kind !== 'agent') continue;
    const agents = domains.get(vantage.failureDomain) ?? [];
    agents.push({ vantage, hash: hashText(vantage.id) });
    domains.set(vantage.failureDomain, agents);
  }
  return {
    hubs: vantages.filter((vantage) => vantage.kind === 'hub'),
    domains: [...domains].map(([name, agents]) => ({ name, hash: hashText(name), agents })),
  };
}

function choose(
  target: Pick<Target, 'id' | 'cluster' | 'failureDomain'>,
  roster: Roster,
  config: AssignmentConfig,
): readonly string[] {
  const key = hashText(target.id);
  const chosen = roster.hubs.map((hub) => hub.id);
  // A second vote of a failure domain that votes anyway would be work without weight.
  const taken = new Set<string>(roster.hubs.map((hub) => hub.failureDomain));
  for (const domain of roster.domains) {
    for (const { vantage } of domain.agents) {
      if (vantage.cluster !== target.cluster) continue;
      chosen.push(vantage.id);
      taken.add(domain.name);
    }
  }
  const ranked: { readonly score: number; readonly domain: Roster['domains'][number] }[] = [];
  for (const domain of roster.domains) {
    if (taken.has(domain.name)) continue;
    const score = mix(domain.hash, key);
    const last = ranked.at(-1);
    if (ranked.length === config.otherDomains && (last === undefined || !beats(score, domain.name, last)))
      continue;
    const at = ranked.findIndex((other) => beats(score, domain.name, other));
    ranked.splice(at === -1 ? ranked.length : at, 0, { score, domain });
    if (ranked.length > config.otherDomains) ranked.pop();
  }
  for (const { domain } of ranked) {
    const agent = bestAgent(domain.agents, key);
    if (agent !== undefined) chosen.push(agent);
  }
  return chosen;
}

function beats(score: number, name: string, other: { score: number; domain: { name: string } }): boolean {
  return score > other.score || (score === other.score && name < other.domain.name);
}

function bestAgent(agents: Roster['domains'][number]['agents'], key: number): string | undefined {
  let best: string | undefined;
  let bestScore = -1;
  for (const { vantage, hash } of agents) {
    const score = mix(hash, key);
    if (score > bestScore || (score === bestScore && (best === undefined || vantage.id < best))) {
      best = vantage.id;
      bestScore = score;
    }
  }
  return best;
}

/** FNV-1a, 32 bits, over UTF-16 code units: spreads names, keeps no secret. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** Joins two hashes so that every bit of either moves about half of the result (the finaliser of MurmurHash3). */
function mix(a: number, b: number): number {
  let hash = Math.imul(a, 0x9e3779b1) ^ b;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

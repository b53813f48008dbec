import type { CompiledEndpoint } from './compiled.ts';
import type { ClientAddress, RoutedPolicy } from './model.ts';

/** An endpoint that may answer, with its share relative to the others. */
export interface Candidate {
  readonly endpoint: CompiledEndpoint;
  /** Above zero. */
  readonly weight: number;
}

/**
 * Picks up to `count` candidates. Weighted: at random without replacement, in proportion to the weights. Sticky with a
 * known client network: the highest scores of weighted rendezvous hashing, so the same network keeps its endpoint while it
 * is a candidate. A client that is not known (ECS /0) is picked for at random in both modes.
 */
export function pick(
  candidates: readonly Candidate[],
  count: number,
  selection: RoutedPolicy['selection'],
  client: ClientAddress | undefined,
  random: () => number,
): readonly CompiledEndpoint[] {
  if (count === 1 || candidates.length < 2) {
    const only = candidates[pickIndex(candidates, selection, client, random)];
    return only === undefined ? [] : [only.endpoint];
  }
  return selection.mode === 'sticky' && client !== undefined
    ? pickByRendezvous(candidates, count, networkHash(client, stickyPrefixLength(selection, client.family)))
    : pickAtRandom(candidates, count, random);
}

/** As `pick` of one, by its place among the candidates; -1 when there are none. */
export function pickIndex(
  candidates: readonly Candidate[],
  selection: RoutedPolicy['selection'],
  client: ClientAddress | undefined,
  random: () => number,
): number {
  if (candidates.length < 2) return candidates.length - 1;
  if (selection.mode !== 'sticky' || client === undefined) {
    return drawIndex(candidates, random() * sumOf(candidates));
  }
  return bestIndex(candidates, networkHash(client, stickyPrefixLength(selection, client.family)));
}

/** As `pickIndex` of candidates with these weights, when it is not sticky. */
export function pickByWeight(weights: readonly number[], random: () => number): number {
  if (weights.length < 2) return weights.length - 1;
  let sum = 0;
  for (const weight of weights) sum += weight;
  let left = random() * sum;
  for (let at = 0; at < weights.length - 1; at += 1) {
    left -= weights[at] ?? 0;
    if (left < 0) return at;
  }
  return weights.length - 1;
}

export function stickyPrefixLength(selection: RoutedPolicy['selection'], family: 4 | 6): number {
  if (selection.mode !== 'sticky') return 0;
  return family === 4 ? selection.ipv4PrefixLength : selection.ipv6PrefixLength;
}

function pickAtRandom(
  candidates: readonly Candidate[],
  count: number,
  random: () => number,
): CompiledEndpoint[] {
  let sum = sumOf(candidates);
  const left = [...candidates];
  const picked: CompiledEndpoint[] = [];
  while (picked.length < count) {
    const [chosen] = left.splice(drawIndex(left, random() * sum), 1);
    if (chosen === undefined) break;
    picked.push(chosen.endpoint);
    sum -= chosen.weight;
  }
  return picked;
}

function sumOf(candidates: readonly Candidate[]): number {
  let sum = 0;
  for (const candidate of candidates) sum += candidate.weight;
  return sum;
}

/** The candidate in whose stretch of the summed weights `point` lies; the last one takes what rounding leaves over. */
function drawIndex(candidates: readonly Candidate[], point: number): number {
  let left = point;
  for (let at = 0; at < candidates.length - 1; at += 1) {
    left -= candidates[at]?.weight ?? 0;
    if (left < 0) return at;
  }
  return candidates.length - 1;
}

/**
 * Weighted rendezvous hashing: each endpoint scores `weight / -ln(u)` with `u` uniform in (0, 1) from a hash of client
 * network and endpoint name. Scores of different endpoints are independent, so removing one moves only its own clients, and
 * raising a weight by a share of the total moves that share to it and nobody else.
 */
function pickByRendezvous(
  candidates: readonly Candidate[],
  count: number,
  network: number,
): CompiledEndpoint[] {
  return candidates
    .map((candidate) => ({ endpoint: candidate.endpoint, score: scoreOf(candidate, network) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map((scored) => scored.endpoint);
}

/** The place of the highest score. */
function bestIndex(candidates: readonly Candidate[], network: number): number {
  let best = 0;
  let bestScore = -1;
  candidates.forEach((candidate, at) => {
    const score = scoreOf(candidate, network);
    if (score <= bestScore) return;
    best = at;
    bestScore = score;
  });
  return best;
}

function scoreOf({ endpoint, weight }: Candidate, network: number): number {
  return -weight / Math.log(uniform(network, endpoint.seed));
}

/** 32 bits of an endpoint's name (FNV-1a, then mixed). */
export function stickySeed(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return mix(hash);
}

function networkHash(client: ClientAddress, prefixLength: number): number {
  let hash = client.family === 4 ? 0x9e3779b9 : 0x85ebca6b;
  for (let i = 0; i * 8 < prefixLength; i += 1) {
    const bits = Math.min(8, prefixLength - i * 8);
    hash = mix(hash ^ ((client.bytes[i] ?? 0) & (0xff << (8 - bits)))) ^ Math.imul(i + 1, 0xc2b2ae35);
  }
  return mix(hash);
}

/** 52 uniform bits in (0, 1) from two 32-bit words. */
function uniform(a: number, b: number): number {
  const high = mix(a ^ Math.imul(b, 0x9e3779b1));
  const low = mix(high ^ Math.imul(b, 0x85ebca77) ^ a);
  return ((high >>> 0) * 2 ** 20 + (low >>> 12) + 0.5) / 2 ** 52;
}

/** Finaliser with full avalanche ("lowbias32" constants). */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

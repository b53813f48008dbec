import type { CompiledBackend } from '../../src/policy/model.ts';
import type { Endpoint } from './endpoint.ts';

/** Which endpoint takes the next request. `random` gives 0 ≤ x < 1. */
export type Pick = (
  endpoints: readonly Endpoint[],
  takes: (endpoint: Endpoint) => boolean,
  random: () => number,
) => Endpoint | undefined;

/** Weight 0 takes nothing. */
export const PICKS: Readonly<Record<CompiledBackend['balance'], Pick>> = {
  roundRobin,
  random: weighted,
  leastRequest,
};

/** Smooth weighted round robin: an endpoint of weight 3 is spread among the others, not taken three times in a row. */
function roundRobin(
  endpoints: readonly Endpoint[],
  takes: (endpoint: Endpoint) => boolean,
): Endpoint | undefined {
  let total = 0;
  let best: Endpoint | undefined;
  for (const endpoint of endpoints) {
    if (endpoint.weight <= 0 || !takes(endpoint)) continue;
    total += endpoint.weight;
    endpoint.current += endpoint.weight;
    if (best === undefined || endpoint.current > best.current) best = endpoint;
  }
  if (best !== undefined) best.current -= total;
  return best;
}

function weighted(
  endpoints: readonly Endpoint[],
  takes: (endpoint: Endpoint) => boolean,
  random: () => number,
): Endpoint | undefined {
  let total = 0;
  for (const endpoint of endpoints) if (takes(endpoint)) total += Math.max(0, endpoint.weight);
  let left = random() * total;
  let last: Endpoint | undefined;
  for (const endpoint of endpoints) {
    if (endpoint.weight <= 0 || !takes(endpoint)) continue;
    last = endpoint;
    left -= endpoint.weight;
    if (left < 0) return endpoint;
  }
  return last;
}

/** Two drawn by weight, and of these the one with fewer requests under way: close to the best without a herd running to it. */
function leastRequest(
  endpoints: readonly Endpoint[],
  takes: (endpoint: Endpoint) => boolean,
  random: () => number,
): Endpoint | undefined {
  const one = weighted(endpoints, takes, random);
  if (one === undefined) return undefined;
  const other = weighted(endpoints, (endpoint) => endpoint !== one && takes(endpoint), random);
  return other !== undefined && other.active < one.active ? other : one;
}

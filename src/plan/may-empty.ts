import type { RoutedPolicy } from '../routing/model.ts';

/**
 * Address types that the author of a policy leaves without an answer: no endpoint has such an address, or a maintenance page has none. A policy without any
 * endpoint says nothing: it may be one whose source did not answer.
 */
export function typesThatMayGo(policy: Pick<RoutedPolicy, 'endpoints' | 'residency'>): readonly string[] {
  if (policy.endpoints.length === 0) return [];
  const families = new Set(
    policy.endpoints.flatMap(({ addresses }) => addresses.map(({ family }) => family)),
  );
  const pages = policy.residency.flatMap(({ onAllDown }) =>
    onAllDown.action === 'maintenance' ? [onAllDown.addresses] : [],
  );
  const may = (family: 4 | 6): boolean =>
    !families.has(family) ||
    pages.some((addresses) => !addresses.some((address) => address.includes(':') === (family === 6)));
  return [...(may(4) ? ['A'] : []), ...(may(6) ? ['AAAA'] : [])];
}

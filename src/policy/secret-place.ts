import type { SecretContent } from '../inventory/contract.ts';
import type { Resource } from '../resources/catalogue.ts';

/** Where Secrets are that gateways name: at the hub, or in the cluster, from where their values never come. */
export interface SecretWorld {
  readonly secrets: ReadonlyMap<string, Resource<'Secret'>>;
  /** Of the cluster's inventory. */
  readonly clusterSecrets?: ReadonlyMap<string, SecretContent> | undefined;
}

/** What a Secret is named for. */
export type SecretUse = 'certificate' | 'authority';

/** With `at` and a problem: the agent goes on with the pair that fitted last. */
export type SecretPlace =
  | { readonly at: 'hub' | 'cluster' }
  | { readonly at: 'cluster'; readonly problem: string }
  | { readonly problem: string };

const NEEDED: Readonly<Record<SecretUse, readonly string[]>> = {
  certificate: ['tls.crt', 'tls.key'],
  authority: ['ca.crt'],
};

/** The hub's goes before the cluster's. @param key `namespace/name` */
export function placeOfSecret(world: SecretWorld, key: string, use: SecretUse): SecretPlace {
  if (world.secrets.has(key)) return { at: 'hub' };
  const found = world.clusterSecrets?.get(key);
  if (found === undefined) return { problem: `There is no Secret ${key}.` };
  const { problem, instead, authorityProblem } = found;
  if (use === 'certificate' && problem !== undefined && instead === 'earlier')
    return { at: 'cluster', problem: `Secret ${key}: ${problem}; the pair of before is served.` };
  const missing = NEEDED[use].find((name) => !found.keys.includes(name));
  if (missing !== undefined) return { problem: `Secret ${key} has no ${missing}.` };
  if (use === 'authority')
    return authorityProblem === undefined
      ? { at: 'cluster' }
      : { problem: `Secret ${key}: ${authorityProblem}.` };
  if (problem === undefined) return { at: 'cluster' };
  // An agent that does not say whether it has another pair may have one.
  return instead === 'nothing'
    ? { problem: `Secret ${key}: ${problem}.` }
    : { at: 'cluster', problem: `Secret ${key}: ${problem}` };
}

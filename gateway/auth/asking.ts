import { hash } from 'node:crypto';
import type { DecisionCaching, GatewaySecrets, KubernetesApi, Outbound } from '../../src/policy/model.ts';
import type { DecisionCache } from '../decisions/contract.ts';
import type { OutboundClient } from '../outbound/client.ts';
import { callForObject } from '../outbound/json.ts';
import type { ServiceAccount } from './service-account.ts';

/** What rules that ask somebody else are built from. */
export interface Asking {
  readonly client: OutboundClient;
  readonly decisions: DecisionCache;
  readonly secrets: GatewaySecrets;
  readonly serviceAccount: ServiceAccount;
  readonly caching: DecisionCaching;
  /** The policy's digest and the rule's name: keys of different rules never meet. */
  readonly scope: string;
}

/** How a call of the policy is made. */
export interface Call {
  readonly timeoutMs: number;
  readonly ca: readonly string[];
}

/** @throws MissingSecret */
export function callOf(outbound: Outbound, secrets: GatewaySecrets): Call {
  return {
    timeoutMs: outbound.timeoutMs,
    ca: outbound.bundles.map((key) => secretOf(secrets.bundles, key)),
  };
}

/** A secret that the policy names did not come with the configuration. */
export class MissingSecret extends Error {
  override readonly name = 'MissingSecret';

  constructor(key: string) {
    super(`the secret ${key} is missing`);
  }
}

/** @throws MissingSecret */
export function secretOf(values: Readonly<Record<string, string>>, key: string): string {
  const value = Object.hasOwn(values, key) ? values[key] : undefined;
  if (value === undefined) throw new MissingSecret(key);
  return value;
}

/** The key under which an answer is remembered: never what was asked itself, which may be a credential. */
export function keyOf(scope: string, asked: string): string {
  return `${scope}\n${hash('sha256', asked, 'base64')}`;
}

/** The policy's way of remembering, with the rule's own time. */
export function cachingFor(caching: DecisionCaching, seconds: number): DecisionCaching {
  return {
    mode: caching.mode,
    ttlSeconds: seconds,
    negativeTtlSeconds: Math.min(seconds, caching.negativeTtlSeconds),
  };
}

/** A review of the Kubernetes API: it is created, and answered with its status. */
export interface Review {
  /** `group/version` */
  readonly apiVersion: string;
  readonly kind: 'TokenReview' | 'SubjectAccessReview';
  readonly spec: object;
}

/** The review with its status, unparsed. @throws MissingSecret @throws OutboundFailure */
export async function askKubernetes(
  api: KubernetesApi,
  asking: Asking,
  review: Review,
): Promise<Readonly<Record<string, unknown>>> {
  const { url, token, call } = await kubernetesCall(api, asking);
  return await callForObject(asking.client, {
    url: new URL(`/apis/${review.apiVersion}/${review.kind.toLowerCase()}s`, url).href,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(review),
    ...call,
  });
}

/** Address, credentials and roots of a Kubernetes API server. Asked for each call: service account tokens change hourly. */
async function kubernetesCall(
  api: KubernetesApi,
  { secrets, serviceAccount }: Asking,
): Promise<{ readonly url: string; readonly token: string; readonly call: Call }> {
  const call = callOf(api.outbound, secrets);
  if (api.url !== undefined && api.token !== undefined) {
    return { url: api.url, token: secretOf(secrets.values, api.token), call };
  }
  const own = await serviceAccount.read();
  // The token of the service account goes to nobody but its own API server.
  if (api.url !== undefined && api.url !== own.url) throw new MissingSecret('of the API server');
  return {
    url: own.url,
    token: api.token === undefined ? own.token : secretOf(secrets.values, api.token),
    call: call.ca.length > 0 ? call : { ...call, ca: [own.ca] },
  };
}

import type { AnyResource, Resource, StatusOf } from '../../src/resources/catalogue.ts';
import { GATEWAY_CONTROLLER } from '../../src/resources/gateway.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import { GATEWAY_API_GROUP, type PolicyAncestorStatus } from '../../src/resources/route-fields.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { ClusterGateways } from './gateways.ts';
import { secretsNamedIn } from './policy-secrets.ts';
import { conditions, type GatewayStatusInput, keyOf, reported } from './status-input.ts';
import { across, type Verdict, verdictsOf } from './verdicts-across.ts';

type Reported = Resource<
  'AuthPolicy' | 'GatewayPolicy' | 'RateLimitPolicy' | 'BackendTLSPolicy' | 'CallerRouting' | 'Backend'
>;

function policyReports(policy: AnyResource & Reported, gateways: ReadonlyMap<ObjectKey, ClusterGateways>) {
  const key = keyOf(policy);
  const all = reported(gateways, ({ policies }) => policies.get(`${policy.kind} ${key}`));
  // What it targets may have been found in one cluster: the others cannot know of it.
  const known = [...all].filter(
    ([, { findings }]) => !findings.some(({ reason }) => reason === 'TargetNotFound'),
  );
  return known.length === 0 ? all : new Map(known);
}

/** A policy at each Gateway it holds for. */
export function ancestorsOf(
  policy: AnyResource & Reported,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): readonly PolicyAncestorStatus[] {
  const byAncestor = new Map<ObjectKey, Map<ObjectKey, readonly Verdict[]>>();
  for (const [cluster, { ancestors, findings }] of policyReports(policy, gateways)) {
    for (const gateway of ancestors) {
      const own = byAncestor.get(gateway) ?? new Map<ObjectKey, readonly Verdict[]>();
      byAncestor.set(gateway, own.set(cluster, verdictsOf(findings)));
    }
  }
  const before = policy.status !== undefined && 'ancestors' in policy.status ? policy.status.ancestors : [];
  // The Gateway API allows 16 ancestors.
  return [...byAncestor].slice(0, 16).map(([key, verdicts]) => {
    const [namespace = '', name = ''] = key.split('/');
    const ancestorRef = { group: GATEWAY_API_GROUP, kind: 'Gateway', namespace, name };
    const known = before.find((a) => JSON.stringify(a.ancestorRef) === JSON.stringify(ancestorRef));
    return {
      ancestorRef,
      controllerName: GATEWAY_CONTROLLER,
      conditions: conditions(policy, known?.conditions, across(verdicts), input.wallMs),
    };
  });
}

/** With the Secrets it names: the compiler does not see their values. */
export function policyStatus(
  policy: Resource<'AuthPolicy'> | Resource<'GatewayPolicy'> | Resource<'RateLimitPolicy'>,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): StatusOf<'AuthPolicy'> {
  const values = secretsNamedIn(policy.spec).map(
    ({ name, key }) => `${policy.metadata.namespace}/${name}/${key}`,
  );
  const problem = [...gateways.values()]
    .flatMap(({ problems }) => values.map((ref) => problems.get(ref)))
    .find((found) => found !== undefined);
  const unresolved: readonly Verdict[] =
    problem === undefined
      ? []
      : [{ type: 'ResolvedRefs', status: 'False', reason: 'InvalidSecretRef', message: problem }];
  return {
    ...plainStatus(policy, gateways, input, unresolved),
    ancestors: ancestorsOf(policy, gateways, input),
  };
}

/** An object that gateways refer to. */
export function plainStatus(
  object: AnyResource & Reported & { readonly status?: { readonly conditions: readonly Condition[] } },
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
  more: readonly Verdict[] = [],
): { readonly conditions: readonly Condition[] } {
  const said = across(
    new Map(
      [...policyReports(object, gateways)].map(
        ([cluster, { findings }]) => [cluster, verdictsOf(findings)] as const,
      ),
    ),
  );
  const unused: Verdict = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'in use when a gateway refers to it',
  };
  return {
    conditions: conditions(
      object,
      object.status?.conditions,
      [...(said.length === 0 ? [unused] : said), ...more],
      input.wallMs,
    ),
  };
}

import type { AnyResource, Kind, StatusOf } from '../../src/resources/catalogue.ts';
import { gatewayStatus } from './gateway-status.ts';
import { ancestorsOf, plainStatus, policyStatus } from './policy-status.ts';
import { routeStatus } from './route-status.ts';
import type { GatewayStatusInput } from './status-input.ts';

type Statuses = readonly (readonly [AnyResource, StatusOf<Kind>])[];

/**
 * Status of every Gateway, route, policy and Backend as the Gateway API shapes them. What several clusters say of one object is one
 * condition: the worst, with the cluster's name where they differ. Nothing while this hub runs no gateways.
 */
export function gatewayStatuses(input: GatewayStatusInput): Statuses {
  const { world, gateways } = input;
  if (gateways === undefined) return [];
  const { objects } = world;
  return [
    ...[...objects.Gateway.values()].map((g) => [g, gatewayStatus(g, gateways, input)] as const),
    ...[...objects.HTTPRoute.values()].map((r) => [r, routeStatus(r, gateways, input)] as const),
    ...[...objects.GRPCRoute.values()].map((r) => [r, routeStatus(r, gateways, input)] as const),
    ...(['AuthPolicy', 'GatewayPolicy', 'RateLimitPolicy'] as const).flatMap((kind) =>
      [...objects[kind].values()].map((p) => [p, policyStatus(p, gateways, input)] as const),
    ),
    ...[...objects.BackendTLSPolicy.values()].map(
      (p) => [p, { ancestors: ancestorsOf(p, gateways, input) }] as const,
    ),
    ...(['CallerRouting', 'Backend'] as const).flatMap((kind) =>
      [...objects[kind].values()].map((o) => [o, plainStatus(o, gateways, input)] as const),
    ),
  ];
}

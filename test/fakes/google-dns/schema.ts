import { z } from 'zod';

/**
 * Messages of the Cloud DNS API v1 as its discovery document has them (https://dns.googleapis.com/$discovery/rest?version=v1): a field
 * that is not there is refused, as the API does.
 */
const kind = (name: string) => z.literal(name).optional();
const strings = z.array(z.string());

const loadBalancerTarget = z.strictObject({
  kind: kind('dns#rRSetRoutingPolicyLoadBalancerTarget'),
  ipAddress: z.string().optional(),
  ipProtocol: z.enum(['undefined', 'tcp', 'udp']).optional(),
  loadBalancerType: z.enum(['none', 'globalL7ilb', 'regionalL4ilb', 'regionalL7ilb']).optional(),
  networkUrl: z.string().optional(),
  port: z.string().optional(),
  project: z.string().optional(),
  region: z.string().optional(),
});

const healthCheckTargets = z.strictObject({
  externalEndpoints: strings.optional(),
  internalLoadBalancers: z.array(loadBalancerTarget).optional(),
});

const geoPolicy = z.strictObject({
  kind: kind('dns#rRSetRoutingPolicyGeoPolicy'),
  enableFencing: z.boolean().optional(),
  items: z
    .array(
      z.strictObject({
        kind: kind('dns#rRSetRoutingPolicyGeoPolicyGeoPolicyItem'),
        location: z.string().optional(),
        rrdatas: strings.optional(),
        signatureRrdatas: strings.optional(),
        healthCheckedTargets: healthCheckTargets.optional(),
      }),
    )
    .optional(),
});

const routingPolicy = z.strictObject({
  kind: kind('dns#rRSetRoutingPolicy'),
  healthCheck: z.string().optional(),
  geo: geoPolicy.optional(),
  wrr: z
    .strictObject({
      kind: kind('dns#rRSetRoutingPolicyWrrPolicy'),
      items: z
        .array(
          z.strictObject({
            kind: kind('dns#rRSetRoutingPolicyWrrPolicyWrrPolicyItem'),
            weight: z.number().optional(),
            rrdatas: strings.optional(),
            signatureRrdatas: strings.optional(),
            healthCheckedTargets: healthCheckTargets.optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  primaryBackup: z
    .strictObject({
      kind: kind('dns#rRSetRoutingPolicyPrimaryBackupPolicy'),
      primaryTargets: healthCheckTargets.optional(),
      backupGeoTargets: geoPolicy.optional(),
      trickleTraffic: z.number().optional(),
    })
    .optional(),
});

export const resourceRecordSet = z.strictObject({
  kind: kind('dns#resourceRecordSet'),
  name: z.string().optional(),
  type: z.string().optional(),
  ttl: z.int32().optional(),
  rrdatas: strings.optional(),
  signatureRrdatas: strings.optional(),
  routingPolicy: routingPolicy.optional(),
});

export const changeRequest = z.strictObject({
  kind: kind('dns#change'),
  additions: z.array(resourceRecordSet).optional(),
  deletions: z.array(resourceRecordSet).optional(),
  // Output only; the API ignores them in a request.
  id: z.string().optional(),
  isServing: z.boolean().optional(),
  startTime: z.string().optional(),
  status: z.enum(['pending', 'done']).optional(),
});

export const permissionsRequest = z.strictObject({ permissions: strings });

export type ApiRecordSet = z.output<typeof resourceRecordSet>;
export type ApiRoutingPolicy = z.output<typeof routingPolicy>;
export type ApiGeoPolicy = z.output<typeof geoPolicy>;
export type ApiTargets = z.output<typeof healthCheckTargets>;
export type ApiChange = z.output<typeof changeRequest>;

import { z } from 'zod';
import { ANSWER_ENDPOINTS } from './answers.ts';
import { AUDIT_ENDPOINTS } from './audit.ts';
import { CERTIFICATE_ENDPOINTS } from './certificates.ts';
import { CLUSTER_ENDPOINTS } from './clusters.ts';
import { DNS_ENDPOINTS } from './dns.ts';
import { DRILL_ENDPOINTS } from './drills.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { GATEWAY_ENDPOINTS } from './gateways.ts';
import { GEOIP_ENDPOINTS } from './geoip.ts';
import { INVENTORY_ENDPOINTS } from './inventory.ts';
import { KEY_ENDPOINTS } from './keys.ts';
import { OBJECT_ENDPOINTS } from './objects.ts';
import { type OpenApiDocument, openApiDocument } from './openapi.ts';
import { PLAN_ENDPOINTS } from './plan.ts';
import { QUOTA_ENDPOINTS } from './quota.ts';
import { SOURCE_ENDPOINTS } from './sources.ts';
import { SYSTEM_ENDPOINTS } from './system.ts';
import { TOKEN_ENDPOINTS } from './tokens.ts';
import { USAGE_ENDPOINTS } from './usage.ts';
import { ZONE_DNSSEC_ENDPOINTS } from './zone-dnssec.ts';

const documented: readonly Endpoint[] = [
  ...OBJECT_ENDPOINTS,
  ...PLAN_ENDPOINTS,
  ...ANSWER_ENDPOINTS,
  ...CLUSTER_ENDPOINTS,
  ...INVENTORY_ENDPOINTS,
  ...DRILL_ENDPOINTS,
  ...ZONE_DNSSEC_ENDPOINTS,
  ...DNS_ENDPOINTS,
  ...TOKEN_ENDPOINTS,
  ...AUDIT_ENDPOINTS,
  ...USAGE_ENDPOINTS,
  ...GATEWAY_ENDPOINTS,
  ...KEY_ENDPOINTS,
  ...QUOTA_ENDPOINTS,
  ...SOURCE_ENDPOINTS,
  ...CERTIFICATE_ENDPOINTS,
  ...GEOIP_ENDPOINTS,
  ...SYSTEM_ENDPOINTS,
];

let description: OpenApiDocument | undefined;

/** The API's description, made from the very table the server routes by; made when first asked for, as a hub rarely is. */
export function openApi(): OpenApiDocument {
  description ??= openApiDocument(documented);
  return description;
}

/** Every operation of the API. Routes, permissions, OpenAPI and the permission tests all come from this table. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...documented,
  endpoint({
    id: 'openapi',
    method: 'GET',
    path: '/openapi.json',
    tag: 'system',
    summary: 'This description.',
    access: { kind: 'public' },
    replies: { 200: { description: 'OpenAPI 3.1', schema: z.unknown() } },
    handle: async () => ({ status: 200, json: openApi() }),
  }),
];

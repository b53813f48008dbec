import { z } from 'zod';
import { type Endpoint, endpoint, fileEndpoint, jsonBody } from './endpoint.ts';
import { geoStatus } from './schemas.ts';

/** City databases of the world have 60 to 130 MB. */
const MAX_DATABASE_OCTETS = 256 * 1024 * 1024;

const hex = z.string().regex(/^[0-9a-fA-F]{64}$/, '64 hex digits');
const reason = z.string().max(500);

/** The GeoIP database of the whole hub: everybody may look, who runs the hub may change it. */
export const GEOIP_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'geoStatus',
    method: 'GET',
    path: '/v1/geoip',
    tag: 'geoip',
    summary: 'The GeoIP database in use, the one before it, and the staged one with what it would change.',
    access: { kind: 'somewhere', action: 'geoip.read' },
    replies: { 200: { description: 'the databases', schema: geoStatus } },
    handle: async (_request, { services }) => ({ status: 200, json: services.geoStatus() }),
  }),
  fileEndpoint({
    id: 'stageGeo',
    method: 'POST',
    path: '/v1/geoip/stage',
    tag: 'geoip',
    summary: 'Take in an .mmdb file and compare it with the one in use. Nothing is answered by it yet.',
    access: { kind: 'everywhere', action: 'geoip.manage' },
    file: { maxOctets: MAX_DATABASE_OCTETS },
    query: z.strictObject({
      sha256: hex.optional().describe('Checksum its publisher shows.'),
      signature: z
        .string()
        .max(200)
        .optional()
        .describe('Ed25519 over the file, base64; required when the hub has geo.trustedKeys.'),
    }),
    replies: { 202: { description: 'the comparison has begun', schema: geoStatus } },
    handle: async ({ query, body, actor }, { services }) => ({
      status: 202,
      json: await services.geoStage(body, query, actor),
    }),
  }),
  endpoint({
    id: 'activateGeo',
    method: 'POST',
    path: '/v1/geoip/activate',
    tag: 'geoip',
    summary: 'Put the staged database into use, here and at every agent.',
    access: { kind: 'everywhere', action: 'geoip.manage' },
    body: jsonBody(
      z
        .strictObject({ sha256: hex, approve: z.boolean().default(false), reason: reason.optional() })
        .meta({ id: 'GeoActivation' }),
    ),
    replies: { 200: { description: 'the databases', schema: geoStatus } },
    handle: async ({ body, actor }, { services }) => ({
      status: 200,
      json: await services.geoActivate(body.sha256.toLowerCase(), body, actor),
    }),
  }),
  endpoint({
    id: 'rollbackGeo',
    method: 'POST',
    path: '/v1/geoip/rollback',
    tag: 'geoip',
    summary: 'Back to the database before this one.',
    access: { kind: 'everywhere', action: 'geoip.manage' },
    body: jsonBody(z.strictObject({ reason: reason.optional() }).meta({ id: 'GeoRollback' })),
    replies: { 200: { description: 'the databases', schema: geoStatus } },
    handle: async ({ body, actor }, { services }) => ({
      status: 200,
      json: await services.geoRollback(body.reason, actor),
    }),
  }),
];

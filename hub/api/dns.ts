import {
  adoptInput,
  adoptPreviews,
  approveInput,
  compileReports,
  providerCheck,
  providerZones,
  resumeInput,
  rollbackInput,
  zoneContent,
  zoneQuery,
  zoneState,
  zoneStates,
} from './dns-schemas.ts';
import { type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { changeContext, writeQuery } from './objects.ts';

const base = '/v1/providers/{namespace}/{name}';
const read = { kind: 'namespace', action: 'provider.read' } as const;
const manage = { kind: 'namespace', action: 'provider.manage' } as const;
const tag = 'providers';

/** What a person asks of and does to the zones of DNS providers; the DNSProvider objects themselves are in objects.ts. */
export const DNS_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'checkProvider',
    method: 'POST',
    path: `${base}/check`,
    tag,
    summary:
      'Try the credentials, every permission and every zone of a DNS provider. Changes nothing that stays; when all is well, what the provider refused before is tried again at once.',
    access: read,
    replies: { 200: { description: 'what was found, and what the provider can do', schema: providerCheck } },
    handle: async ({ params }, { services }) => ok(await services.dns.check(providerKey(params))),
  }),
  endpoint({
    id: 'listProviderZones',
    method: 'GET',
    path: `${base}/zones`,
    tag,
    summary: 'Every zone that the account of a DNS provider sees.',
    access: read,
    replies: { 200: { description: 'the zones', schema: providerZones } },
    handle: async ({ params }, { services }) => ok({ items: await services.dns.zones(providerKey(params)) }),
  }),
  endpoint({
    id: 'readProviderZone',
    method: 'GET',
    path: `${base}/content`,
    tag,
    summary: 'What is in a zone of a DNS provider now, each name with its owner.',
    access: read,
    query: zoneQuery,
    replies: { 200: { description: 'the records', schema: zoneContent } },
    handle: async ({ params, query }, { services }) =>
      ok(await services.dns.content(providerKey(params), query.zone)),
  }),
  endpoint({
    id: 'listProviderStates',
    method: 'GET',
    path: `${base}/states`,
    tag,
    summary:
      'How each zone of a DNS provider stands: what is applied, planned, held, verified, and its history.',
    access: read,
    replies: { 200: { description: 'one state for each zone', schema: zoneStates } },
    handle: async ({ params }, { services }) =>
      ok({ items: await services.dns.zoneStates(providerKey(params)) }),
  }),
  endpoint({
    id: 'approveProviderPlan',
    method: 'POST',
    path: `${base}/approve`,
    tag,
    summary: 'Let the plan through, once, that waits for a person because it removes too much of a zone.',
    access: manage,
    query: writeQuery,
    body: jsonBody(approveInput),
    replies: { 200: { description: 'how the zone stands now', schema: zoneState } },
    handle: async ({ params, query, body, actor }, { services }) =>
      ok(await services.dns.approve(providerKey(params), body.zone, body.plan, changeContext(query, actor))),
  }),
  endpoint({
    id: 'rollbackProviderZone',
    method: 'POST',
    path: `${base}/rollback`,
    tag,
    summary: 'Bring back what an earlier generation had in a zone, as a new generation, and hold it.',
    access: manage,
    query: writeQuery,
    body: jsonBody(rollbackInput),
    replies: { 200: { description: 'how the zone stands now', schema: zoneState } },
    handle: async ({ params, query, body, actor }, { services }) =>
      ok(
        await services.dns.rollback(
          providerKey(params),
          body.zone,
          body.generation,
          changeContext(query, actor),
        ),
      ),
  }),
  endpoint({
    id: 'resumeProviderZone',
    method: 'POST',
    path: `${base}/resume`,
    tag,
    summary: 'End the hold of a rollback: the zone follows what is stored again.',
    access: manage,
    query: writeQuery,
    body: jsonBody(resumeInput),
    replies: { 200: { description: 'how the zone stands now', schema: zoneState } },
    handle: async ({ params, query, body, actor }, { services }) =>
      ok(await services.dns.resume(providerKey(params), body.zone, changeContext(query, actor))),
  }),
  endpoint({
    id: 'adoptRecords',
    method: 'POST',
    path: '/v1/adoptions/{namespace}',
    tag,
    summary:
      'Take over the records that stand at a hostname of a TrafficPolicy. With dryRun it only shows what stands there and what would replace it.',
    access: manage,
    query: writeQuery,
    body: jsonBody(adoptInput),
    replies: { 200: { description: 'before and after, at each provider', schema: adoptPreviews } },
    handle: async ({ params, query, body, actor }, { services }) => {
      const { namespace = '' } = params;
      const { hostname, provider, digests } = body;
      const request = {
        namespace,
        hostname,
        ...(provider === undefined ? {} : { provider }),
        ...(digests === undefined ? {} : { digests }),
      };
      return ok({ items: await services.dns.adopt(request, changeContext(query, actor)) });
    },
  }),
  endpoint({
    id: 'compileReports',
    method: 'GET',
    path: '/v1/policies/{namespace}/{name}/reports',
    tag,
    summary:
      'What becomes of each hostname of a TrafficPolicy at each DNS provider: kept, computed, lost or refused.',
    access: { kind: 'namespace', action: 'TrafficPolicy.read' },
    replies: { 200: { description: 'one report for each hostname and provider', schema: compileReports } },
    handle: async ({ params }, { services }) => {
      const { namespace = '', name = '' } = params;
      return ok({ items: await services.dns.reports({ kind: 'TrafficPolicy', namespace, name }) });
    },
  }),
  endpoint({
    id: 'zoneCompileReports',
    method: 'GET',
    path: '/v1/zones/{namespace}/{name}/reports',
    tag,
    summary: 'What becomes of the origin of a Zone at the DNS provider that it is delegated from.',
    access: { kind: 'namespace', action: 'Zone.read' },
    replies: { 200: { description: 'a report where it is delegated, else none', schema: compileReports } },
    handle: async ({ params }, { services }) => {
      const { namespace = '', name = '' } = params;
      return ok({ items: await services.dns.zoneReports({ kind: 'Zone', namespace, name }) });
    },
  }),
];

function providerKey({ namespace = '', name = '' }: Readonly<Record<string, string>>) {
  return { kind: 'DNSProvider', namespace, name } as const;
}

function ok(json: unknown) {
  return { status: 200, json };
}

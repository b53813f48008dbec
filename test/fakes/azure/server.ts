import type { IncomingMessage, ServerResponse } from 'node:http';
import { createTestAuthority } from '../../../prober/testing/authority.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import { startHttpFront } from '../http-front.ts';
import { ArmError, type ArmReply } from './arm.ts';
import {
  asResource,
  createZone,
  DNS_TYPES,
  type DnsType,
  deleteSet,
  PAGE,
  putSet,
  type StoredZone,
  setKeyOf,
} from './dns-zones.ts';
import { type AzureFaults, createGate } from './faults.ts';
import { createTokenEndpoint } from './token-endpoint.ts';
import { createTrafficManager, type TrafficManager } from './traffic-manager.ts';

/** Ids of the account that the server plays. */
export const ACCOUNT = {
  subscriptionId: '11111111-2222-3333-4444-555555555555',
  resourceGroup: 'dns-test',
  tenantId: 'aaaaaaaa-0000-0000-0000-000000000001',
  clientId: 'bbbbbbbb-0000-0000-0000-000000000002',
  clientSecret: 'secret-of-the-test-application',
  assertion: 'header.claims.signature-of-the-test-service-account',
} as const;

export interface AzureFake {
  /** `https://localhost:port`, of Azure Resource Manager and of the token endpoint. */
  readonly url: string;
  /** PEM of the root that its certificate is of. */
  readonly ca: string;
  readonly zones: Map<string, StoredZone>;
  readonly trafficManager: TrafficManager;
  readonly faults: AzureFaults;
  addZone(origin: DomainName): StoredZone;
  /** Requests to Azure Resource Manager so far, by operation. */
  requests(): ReadonlyMap<string, number>;
  /** Tokens and the client secret stop working. */
  revoke(): void;
  /** A token as a machine's metadata service gives it. */
  issueToken(): string;
  close(): Promise<void>;
}

const RESOURCE_GROUP =
  /^\/subscriptions\/([^/]+)\/resourcegroups\/([^/]+)\/providers\/microsoft\.network\/(.+)$/i;
const DNS_API = '2018-05-01';
const TRAFFIC_MANAGER_API = '2022-04-01';

/** Azure Resource Manager for DNS zones and Traffic Manager profiles, and Microsoft Entra ID, on one TLS socket. */
export async function startAzure(): Promise<AzureFake> {
  const authority = await createTestAuthority('Azure Test CA');
  const certificate = await authority.issue(['localhost']);
  const tokens = createTokenEndpoint(ACCOUNT);
  const gate = createGate(() => performance.now());
  const zones = new Map<string, StoredZone>();
  const prefix = `/subscriptions/${ACCOUNT.subscriptionId}/resourceGroups/${ACCOUNT.resourceGroup}/providers/Microsoft.Network`;
  const aliases = (): readonly { readonly name: string; readonly target: string }[] =>
    [...zones.values()].flatMap((zone) =>
      [...zone.sets.values()].flatMap((set) => {
        const target = set.properties.targetResource?.id;
        return target === undefined ? [] : [{ name: `${set.name}.${zone.origin} ${set.type}`, target }];
      }),
    );
  const trafficManager = createTrafficManager({ prefix, aliases });
  const counts = new Map<string, number>();

  const dns = (request: Request): ArmReply => {
    const { parts, method } = request;
    const [, zoneName, kind, ...rest] = parts;
    if (zoneName === undefined) {
      if (method !== 'GET') throw notFound('the operation');
      const all = [...zones.values()].map(zoneResource);
      return page(all, request);
    }
    const zone = zones.get(zoneName.toLowerCase());
    if (zone === undefined) {
      throw new ArmError(
        404,
        kind === undefined || method === 'GET' ? 'ResourceNotFound' : 'ParentResourceNotFound',
        `The Resource 'Microsoft.Network/dnszones/${zoneName}' under resource group '${ACCOUNT.resourceGroup}' was not found.`,
      );
    }
    if (method === 'GET' && kind === undefined) return { status: 200, body: zoneResource(zone) };
    if (method === 'GET' && kind?.toLowerCase() === 'all') {
      gate.count(zoneName, 'list');
      return page(
        [...zone.sets.values()].map((set) => asResource(zone, set)),
        request,
      );
    }
    const type = DNS_TYPES.find((candidate) => candidate === kind?.toUpperCase());
    const [relative] = rest;
    if (type === undefined || relative === undefined || rest.length !== 1) throw notFound('the record type');
    return recordSet(zone, type, relative, request);
  };

  const recordSet = (zone: StoredZone, type: DnsType, relative: string, request: Request): ArmReply => {
    const existing = zone.sets.get(setKeyOf(type, relative));
    const conditions = { ifMatch: request.header('if-match'), ifNoneMatch: request.header('if-none-match') };
    switch (request.method) {
      case 'GET':
        if (existing === undefined) throw notFound(`the record set '${relative}'`);
        return { status: 200, body: asResource(zone, existing) };
      case 'PUT':
        gate.count(zone.origin, existing === undefined ? 'create' : 'update');
        return putSet(zone, relative, type, request.json(), conditions, trafficManager.aliasRule);
      case 'DELETE':
        gate.count(zone.origin, 'delete');
        return deleteSet(zone, relative, type, conditions);
      default:
        throw new ArmError(405, 'MethodNotAllowed', `${request.method} is not allowed here`);
    }
  };

  const answer = async (request: Request): Promise<ArmReply> => {
    const action = actionOf(request);
    counts.set(action, (counts.get(action) ?? 0) + 1);
    if (gate.faults.latencyMs > 0) await front.pause(gate.faults.latencyMs);
    const bearer = /^Bearer (\S+)$/.exec(request.header('authorization') ?? '')?.[1];
    if (bearer === undefined || !tokens.valid(bearer)) {
      throw new ArmError(401, 'InvalidAuthenticationToken', 'The access token is invalid.', {
        'WWW-Authenticate': 'Bearer authorization_uri="https://localhost/", error="invalid_token"',
      });
    }
    gate.enter();
    const match = RESOURCE_GROUP.exec(request.path);
    if (match === null) throw notFound('the path');
    if (match[1]?.toLowerCase() !== ACCOUNT.subscriptionId)
      throw new ArmError(404, 'SubscriptionNotFound', `The subscription '${match[1]}' could not be found.`);
    if (gate.faults.denied.has(action)) {
      throw new ArmError(
        403,
        'AuthorizationFailed',
        `The client '${ACCOUNT.clientId}' does not have authorization to perform the action of ${action}.`,
      );
    }
    if (match[2]?.toLowerCase() !== ACCOUNT.resourceGroup)
      throw new ArmError(404, 'ResourceGroupNotFound', `Resource group '${match[2]}' could not be found.`);
    const isDns = request.parts[0]?.toLowerCase() === 'dnszones';
    const version = request.query.get('api-version');
    if (version !== (isDns ? DNS_API : TRAFFIC_MANAGER_API)) {
      throw new ArmError(400, 'InvalidApiVersionParameter', `The api-version '${version}' is invalid.`);
    }
    const reply = isDns ? dns(request) : trafficManager.answer(request);
    if (request.method !== 'GET' && gate.faults.answersToLose > 0) {
      gate.faults.answersToLose -= 1;
      throw new ArmError(500, 'InternalServerError', 'An error occurred.');
    }
    return reply;
  };

  const serve = async (incoming: IncomingMessage, body: string, response: ServerResponse): Promise<void> => {
    const request = requestOf(incoming, body);
    const token = tokens.answer(request.method, request.path, request.body, request.host);
    try {
      if (token !== undefined) return send(response, token.status, token.body);
      const { status, body } = await answer(request);
      send(response, status, body);
    } catch (error) {
      const fault =
        error instanceof ArmError ? error : new ArmError(500, 'InternalServerError', String(error));
      send(response, fault.status, { error: { code: fault.code, message: fault.message } }, fault.headers);
    }
  };
  const front = await startHttpFront({ tls: certificate, answer: serve });
  return {
    url: front.url,
    ca: authority.ca,
    zones,
    trafficManager,
    faults: gate.faults,
    addZone(origin) {
      const name = origin.slice(0, -1);
      const zone = createZone(origin, `${prefix}/dnszones/${name}`);
      zones.set(name, zone);
      return zone;
    },
    requests: () => new Map(counts),
    revoke: () => tokens.revoke(),
    issueToken: () => tokens.issue(),
    close: front.close,
  };
}

/** A request as the handlers look at it. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** What follows the resource provider: `dnsZones`, `example.com`, `A`, `www`. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly body: string;
  readonly header: (name: string) => string | undefined;
  /** @throws ArmError 400 */
  readonly json: () => unknown;
}

function requestOf(incoming: IncomingMessage, body: string): Request {
  const host = incoming.headers.host ?? '';
  const url = new URL(incoming.url ?? '/', `https://${host}`);
  const path = decodeURIComponent(url.pathname);
  return {
    method: incoming.method ?? 'GET',
    path,
    host,
    parts: (RESOURCE_GROUP.exec(path)?.[3] ?? '').split('/'),
    query: url.searchParams,
    body,
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    json() {
      try {
        return JSON.parse(body) as unknown;
      } catch {
        throw new ArmError(
          400,
          'InvalidRequestContent',
          'The request content was invalid and could not be deserialized.',
        );
      }
    },
  };
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

/** Operation ids of the API's description. */
function actionOf({ method, parts }: Request): string {
  const [provider = '', first, second] = parts;
  const verb = { GET: 'Get', PUT: 'CreateOrUpdate', DELETE: 'Delete' }[method] ?? method;
  if (provider.toLowerCase() === 'dnszones') {
    if (first === undefined) return 'Zones_List';
    if (second === undefined) return 'Zones_Get';
    return `RecordSets_${second?.toLowerCase() === 'all' ? 'List' : verb}`;
  }
  return `Profiles_${first === undefined ? 'List' : verb}`;
}

function zoneResource(zone: StoredZone): unknown {
  return {
    id: zone.id,
    name: zone.origin.slice(0, -1),
    type: 'Microsoft.Network/dnszones',
    location: 'global',
    etag: '00000002-0000-0000-0000-000000000000',
    tags: {},
    properties: {
      maxNumberOfRecordSets: zone.maxSets,
      numberOfRecordSets: zone.sets.size,
      nameServers: zone.nameServers,
      zoneType: 'Public',
    },
  };
}

/** One page of a list, and the link to the next one. */
function page(all: readonly unknown[], { query, path, host }: Request): ArmReply {
  const from = Number(query.get('$skipToken') ?? 0);
  const value = all.slice(from, from + PAGE);
  const more = from + PAGE < all.length;
  const link = `https://${host}${path}?api-version=${query.get('api-version')}&$skipToken=${from + PAGE}`;
  return { status: 200, body: { value, ...(more ? { nextLink: link } : {}) } };
}

function notFound(what: string): ArmError {
  return new ArmError(404, 'NotFound', `${what} was not found`);
}

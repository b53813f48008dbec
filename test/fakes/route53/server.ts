import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ClientAddress } from '../../../src/dns/client.ts';
import { COUNTRIES } from '../../../src/routing/countries.ts';
import { country, type DnsFront, startDnsFront } from '../dns-front.ts';
import { applyChanges, type RequestedChange } from './change-batch.ts';
import { frontAnswer } from './front.ts';
import { CheckRefused, HealthChecks, noSuch, readConfig, writeCheck } from './health-checks.ts';
import type { Place } from './resolve.ts';
import { type ApiSet, apiName, InvalidInput, readSet, writeSet } from './sets.ts';
import { unsigned } from './signature.ts';
import { type Content, type Element, parseXml, writeXml } from './xml.ts';

/**
 * Route 53 on a socket: the REST-XML API as the SDK speaks it, with the validation that the documentation promises, and DNS with Route 53's
 * own semantics from what is in the zones. Stricter than the service where the documentation leaves something open.
 */
export interface FakeRoute53 {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly dns: DnsFront;
  /** Requests that were let in, by API action. */
  readonly requests: Map<string, number>;
  readonly healthChecks: HealthChecks;
  readonly faults: FakeFaults;
  /** @returns the id, without `/hostedzone/` */
  createZone(origin: string, options?: { readonly private?: boolean }): string;
  deleteZone(id: string): void;
  setsOf(zoneId: string): readonly ApiSet[];
  /** Edits of somebody else: no request, no fence, no validation. */
  put(zoneId: string, set: ApiSet): void;
  remove(zoneId: string, set: Pick<ApiSet, 'Name' | 'Type' | 'SetIdentifier'>): void;
  close(): Promise<void>;
}

export interface FakeFaults {
  /** Every answer comes so many milliseconds late. */
  latencyMs: number;
  /** Share of requests answered with Throttling. */
  throttleShare: number;
  /** Seconds in a Retry-After header of these; the service sends none. */
  retryAfterSeconds: number | undefined;
  /** Refuse more than five requests a second, as the service does: a bucket of five that fills up in a second. */
  rateLimit: boolean;
  /** The next change is applied and answered with 500. */
  loseNextAnswer: boolean;
  /** As the keys of a user who was deleted. */
  revoked: boolean;
  /** Actions that the policy of the caller does not allow. */
  readonly denied: Set<string>;
  /** How long a change is PENDING, and the zone takes no other one. */
  propagationMs: number;
  /** How InvalidChangeBatch is written: the documented form, or the one that all other errors have. */
  errorForm: 'messages' | 'errorResponse';
}

export interface FakeOptions {
  /** Where a client is; default: the packaged GeoIP database. */
  readonly locate?: (client: ClientAddress) => Place | Promise<Place>;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Speak TLS, for `localhost`. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

interface Zone {
  readonly id: string;
  readonly origin: string;
  readonly private: boolean;
  sets: readonly ApiSet[];
  /** Milliseconds of the monotonic clock until which the last change is PENDING. */
  pendingUntil: number;
}

const NAMESPACE = ' xmlns="https://route53.amazonaws.com/doc/2013-04-01/"';
const SERVERS = [
  'ns-1.awsdns-01.com.',
  'ns-2.awsdns-02.net.',
  'ns-3.awsdns-03.org.',
  'ns-4.awsdns-04.co.uk.',
];
/** "Five requests per second per AWS account." */
const PER_SECOND = 5;

/** Refuses a request with an AWS error. */
class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly messages: readonly string[];

  constructor(status: number, code: string, messages: readonly string[]) {
    super(messages.join(' '));
    this.status = status;
    this.code = code;
    this.messages = messages;
  }
}

interface Answer {
  readonly root: string;
  readonly content: Content;
  readonly status?: number;
  readonly location?: string;
}

interface Call {
  readonly query: URLSearchParams;
  readonly body: Element | undefined;
  /** What the path holds in place of `{…}`. */
  readonly id: string;
}

export async function startFakeRoute53(options: FakeOptions = {}): Promise<FakeRoute53> {
  const random = options.random ?? Math.random;
  const locate = options.locate ?? located;
  const keys = new Map([['AKIAFAKEFAKEFAKEFAKE', 'fake-secret-key-of-the-test-server']]);
  const [[accessKeyId, secretAccessKey] = ['', '']] = [...keys];
  const zones = new Map<string, Zone>();
  const changes = new Map<string, Zone>();
  const healthChecks = new HealthChecks();
  const requests = new Map<string, number>();
  let bucket = { tokens: PER_SECOND, atMs: performance.now() };
  const faults: FakeFaults = {
    latencyMs: 0,
    throttleShare: 0,
    retryAfterSeconds: undefined,
    rateLimit: false,
    loseNextAnswer: false,
    revoked: false,
    denied: new Set(),
    propagationMs: 0,
    errorForm: 'messages',
  };
  let counter = 0;

  function zoneOf(id: string): Zone {
    const zone = zones.get(id);
    if (zone === undefined)
      throw new Refused(404, 'NoSuchHostedZone', [`No hosted zone found with ID: ${id}`]);
    return zone;
  }

  const hostedZone = (zone: Zone): Content => ({
    Id: `/hostedzone/${zone.id}`,
    Name: zone.origin,
    CallerReference: zone.id,
    Config: { PrivateZone: zone.private },
    ResourceRecordSetCount: zone.sets.length,
  });

  const ACTIONS: Readonly<Record<string, (call: Call) => Answer>> = {
    ListHostedZones({ query }) {
      const max = maxItems(query, 100);
      const all = [...zones.values()];
      const from = query.has('marker') ? all.findIndex((zone) => zone.id === query.get('marker')) : 0;
      if (from < 0) throw new Refused(400, 'InvalidInput', ['The marker is not known']);
      const next = all[from + max];
      return {
        root: 'ListHostedZonesResponse',
        content: {
          HostedZones: { HostedZone: all.slice(from, from + max).map(hostedZone) },
          Marker: query.get('marker') ?? undefined,
          IsTruncated: next !== undefined,
          NextMarker: next?.id,
          MaxItems: max,
        },
      };
    },
    GetHostedZone({ id }) {
      const zone = zoneOf(id);
      return {
        root: 'GetHostedZoneResponse',
        content: {
          HostedZone: hostedZone(zone),
          DelegationSet: zone.private
            ? undefined
            : { NameServers: { NameServer: SERVERS.map((server) => server.slice(0, -1)) } },
        },
      };
    },
    ListResourceRecordSets({ id, query }) {
      const zone = zoneOf(id);
      const max = maxItems(query, 300);
      const start: SortKey = [
        reversed(apiName(query.get('name') ?? zone.origin)),
        query.get('type') ?? '',
        query.get('identifier') ?? '',
      ];
      if (query.has('identifier') && !query.has('type'))
        throw new Refused(400, 'InvalidInput', ['An identifier needs a type']);
      const sorted = [...zone.sets].sort((a, b) => compare(sortKey(a), sortKey(b)));
      const all = query.has('name') ? sorted.filter((set) => compare(sortKey(set), start) >= 0) : sorted;
      const next = all[max];
      return {
        root: 'ListResourceRecordSetsResponse',
        content: {
          ResourceRecordSets: { ResourceRecordSet: all.slice(0, max).map(writeSet) },
          IsTruncated: next !== undefined,
          NextRecordName: next?.Name,
          NextRecordType: next?.Type,
          NextRecordIdentifier: next?.SetIdentifier,
          MaxItems: max,
        },
      };
    },
    ChangeResourceRecordSets({ id, body }) {
      const zone = zoneOf(id);
      const asked = readChanges(body);
      if (performance.now() < zone.pendingUntil) {
        throw new Refused(400, 'PriorRequestNotComplete', [
          'The request was rejected because Route 53 was still processing a prior request.',
        ]);
      }
      const outcome = applyChanges(zone, asked, (check) => healthChecks.get(check) !== undefined);
      if ('noSuchHealthCheck' in outcome) throw noSuch(outcome.noSuchHealthCheck);
      if ('messages' in outcome) throw new Refused(400, 'InvalidChangeBatch', outcome.messages);
      zone.sets = outcome.sets;
      zone.pendingUntil = performance.now() + faults.propagationMs;
      counter += 1;
      const change = `C${String(counter).padStart(13, '0')}`;
      changes.set(change, zone);
      if (faults.loseNextAnswer) {
        faults.loseNextAnswer = false;
        throw new Refused(500, 'InternalFailure', ['The request processing has failed.']);
      }
      return {
        root: 'ChangeResourceRecordSetsResponse',
        content: { ChangeInfo: changeInfo(change, faults.propagationMs > 0 ? 'PENDING' : 'INSYNC') },
      };
    },
    GetChange({ id }) {
      const zone = changes.get(id);
      if (zone === undefined)
        throw new Refused(404, 'NoSuchChange', [`Could not find resource with ID: ${id}`]);
      const status = performance.now() < zone.pendingUntil ? 'PENDING' : 'INSYNC';
      return { root: 'GetChangeResponse', content: { ChangeInfo: changeInfo(id, status) } };
    },
    ListHealthChecks({ query }) {
      const max = maxItems(query, 100);
      const all = healthChecks.all();
      const from = query.has('marker') ? all.findIndex((check) => check.id === query.get('marker')) : 0;
      if (from < 0) throw new Refused(400, 'InvalidInput', ['The marker is not known']);
      const next = all[from + max];
      return {
        root: 'ListHealthChecksResponse',
        content: {
          HealthChecks: { HealthCheck: all.slice(from, from + max).map(writeCheck) },
          Marker: query.get('marker') ?? '',
          IsTruncated: next !== undefined,
          NextMarker: next?.id,
          MaxItems: max,
        },
      };
    },
    CreateHealthCheck({ body }) {
      const reference = body?.children.find((child) => child.name === 'CallerReference')?.text ?? '';
      const config = readConfig(body?.children.find((child) => child.name === 'HealthCheckConfig'));
      const check = healthChecks.create(reference, config);
      return {
        root: 'CreateHealthCheckResponse',
        content: { HealthCheck: writeCheck(check) },
        status: 201,
        location: `https://route53.amazonaws.com/2013-04-01/healthcheck/${check.id}`,
      };
    },
    DeleteHealthCheck({ id }) {
      healthChecks.remove(id);
      return { root: 'DeleteHealthCheckResponse', content: {} };
    },
    ChangeTagsForResource({ id, body }) {
      const check = healthChecks.get(id);
      if (check === undefined) throw noSuch(id);
      const adds = body?.children.find((child) => child.name === 'AddTags')?.children ?? [];
      // "You can add a maximum of 10 tags to a health check or a hosted zone."
      if (adds.length > 10) throw new Refused(400, 'InvalidInput', ['At most 10 tags can be added']);
      for (const tag of adds) {
        const key = tag.children.find((child) => child.name === 'Key')?.text ?? '';
        const value = tag.children.find((child) => child.name === 'Value')?.text ?? '';
        if (key === '' || key.length > 128 || value.length > 256)
          throw new Refused(400, 'InvalidInput', [
            'A tag has a key of 1 to 128 and a value of up to 256 characters',
          ]);
        check.tags.set(key, value);
      }
      return { root: 'ChangeTagsForResourceResponse', content: {} };
    },
    ListTagsForResources({ body }) {
      const ids = body?.children.find((child) => child.name === 'ResourceIds')?.children ?? [];
      // "ResourceIds: minimum number of 1 item, maximum number of 10 items."
      if (ids.length < 1 || ids.length > 10)
        throw new Refused(400, 'InvalidInput', ['ResourceIds must have 1 to 10 items']);
      return {
        root: 'ListTagsForResourcesResponse',
        content: {
          ResourceTagSets: {
            ResourceTagSet: ids.map(({ text }) => {
              const check = healthChecks.get(text);
              if (check === undefined) throw noSuch(text);
              return {
                ResourceType: 'healthcheck',
                ResourceId: text,
                Tags: { Tag: [...check.tags].map(([Key, Value]) => ({ Key, Value })) },
              };
            }),
          },
        },
      };
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    request.setEncoding('utf8');
    for await (const chunk of request) text += String(chunk);
    if (faults.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, faults.latencyMs));
    const answer = (): Answer => {
      const route = routeOf(request);
      if (route === undefined)
        throw new Refused(404, 'UnknownOperationException', [
          `No action is at ${request.method} ${request.url}`,
        ]);
      requests.set(route.action, (requests.get(route.action) ?? 0) + 1);
      throttle();
      const refusal = unsigned(request, text, faults.revoked ? new Map() : keys);
      if (refusal !== undefined) throw new Refused(403, refusal.code, [refusal.message]);
      if (faults.denied.has(route.action)) {
        throw new Refused(403, 'AccessDenied', [
          `User: arn:aws:iam::123456789012:user/test is not authorized to perform: route53:${route.action} because no identity-based policy allows the route53:${route.action} action`,
        ]);
      }
      const body = text === '' ? undefined : parsedBody(text);
      return (ACTIONS[route.action] ?? unreachable)({ ...route, body });
    };
    try {
      const { root, content, status = 200, location } = answer();
      response.writeHead(status, {
        'content-type': 'text/xml',
        'x-amzn-requestid': requestId(),
        ...(location === undefined ? {} : { location }),
      });
      response.end(`<?xml version="1.0"?>\n${writeXml(root, content, NAMESPACE)}`);
    } catch (thrown) {
      refuse(response, thrown);
    }
  }

  function throttle(): void {
    const now = performance.now();
    const allowed = Math.min(PER_SECOND, bucket.tokens + ((now - bucket.atMs) / 1000) * PER_SECOND);
    const tooMany = faults.rateLimit && allowed < 1;
    bucket = { tokens: tooMany ? allowed : Math.max(0, allowed - 1), atMs: now };
    if (tooMany || (faults.throttleShare > 0 && random() < faults.throttleShare))
      throw new Refused(400, 'Throttling', ['Rate exceeded']);
  }

  function refuse(response: ServerResponse, thrown: unknown): void {
    const refusal =
      thrown instanceof Refused
        ? thrown
        : thrown instanceof CheckRefused
          ? new Refused(thrown.status, thrown.code, [thrown.message])
          : thrown instanceof InvalidInput
            ? new Refused(400, 'InvalidInput', [thrown.message])
            : new Refused(500, 'InternalFailure', [String(thrown)]);
    const message =
      refusal.code === 'InvalidChangeBatch' ? `[${refusal.messages.join(', ')}]` : refusal.messages.join(' ');
    const documented = refusal.code === 'InvalidChangeBatch' && faults.errorForm === 'messages';
    const xml = documented
      ? writeXml(
          'InvalidChangeBatch',
          { Messages: { Message: refusal.messages }, RequestId: requestId() },
          NAMESPACE,
        )
      : writeXml(
          'ErrorResponse',
          {
            Error: {
              Type: refusal.status < 500 ? 'Sender' : 'Receiver',
              Code: refusal.code,
              Message: message,
            },
            RequestId: requestId(),
          },
          NAMESPACE,
        );
    const retryAfter =
      refusal.code === 'Throttling' && faults.retryAfterSeconds !== undefined
        ? { 'retry-after': String(faults.retryAfterSeconds) }
        : {};
    response.writeHead(refusal.status, { 'content-type': 'text/xml', ...retryAfter });
    response.end(`<?xml version="1.0"?>\n${xml}`);
  }

  function requestId(): string {
    counter += 1;
    return `00000000-0000-4000-9000-${String(counter).padStart(12, '0')}`;
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy());
  };
  const server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  // On a busy machine a client sends on a connection in the very moment in which a shorter timeout closes it.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const dns = await startDnsFront({
    answer: async (question) =>
      frontAnswer([...zones.values()], (id) => healthChecks.get(id)?.up ?? false, question, {
        place: await locate(question.client),
        random,
      }),
  });

  return {
    endpoint: options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    accessKeyId,
    secretAccessKey,
    dns,
    requests,
    healthChecks,
    faults,
    createZone(origin, { private: isPrivate = false } = {}) {
      counter += 1;
      const id = `Z${String(counter).padStart(13, '0')}`;
      const name = apiName(origin);
      zones.set(id, { id, origin: name, private: isPrivate, sets: apexOf(name), pendingUntil: 0 });
      return id;
    },
    deleteZone(id) {
      zones.delete(id);
    },
    setsOf: (id) => zoneOf(id).sets,
    put(id, set) {
      const zone = zoneOf(id);
      zone.sets = [...zone.sets.filter((one) => !sameKey(one, set)), { ...set, Name: apiName(set.Name) }];
    },
    remove(id, set) {
      const zone = zoneOf(id);
      zone.sets = zone.sets.filter((one) => !sameKey(one, set));
    },
    async close() {
      server.closeAllConnections();
      await Promise.all([new Promise((resolve) => server.close(resolve)), dns.close()]);
    },
  };
}

function unreachable(): never {
  throw new Error('an action without code');
}

const ROUTES: readonly { readonly method: string; readonly path: RegExp; readonly action: string }[] = [
  { method: 'GET', path: /^\/hostedzone$/, action: 'ListHostedZones' },
  { method: 'GET', path: /^\/hostedzone\/([^/]+)$/, action: 'GetHostedZone' },
  { method: 'GET', path: /^\/hostedzone\/([^/]+)\/rrset$/, action: 'ListResourceRecordSets' },
  { method: 'POST', path: /^\/hostedzone\/([^/]+)\/rrset$/, action: 'ChangeResourceRecordSets' },
  { method: 'GET', path: /^\/change\/([^/]+)$/, action: 'GetChange' },
  { method: 'GET', path: /^\/healthcheck$/, action: 'ListHealthChecks' },
  { method: 'POST', path: /^\/healthcheck$/, action: 'CreateHealthCheck' },
  { method: 'DELETE', path: /^\/healthcheck\/([^/]+)$/, action: 'DeleteHealthCheck' },
  { method: 'POST', path: /^\/tags\/healthcheck\/([^/]+)$/, action: 'ChangeTagsForResource' },
  { method: 'POST', path: /^\/tags\/healthcheck$/, action: 'ListTagsForResources' },
];

function routeOf(
  request: IncomingMessage,
): { readonly action: string; readonly id: string; readonly query: URLSearchParams } | undefined {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const path = decodeURIComponent(url.pathname)
    .replace(/\/$/, '')
    // Ids are taken with and without the kind in front of them.
    .replace(/\/(hostedzone|change)\/+\1\//, '/$1/')
    .replace(/^\/2013-04-01/, '');
  for (const route of ROUTES) {
    const match = route.method === request.method ? route.path.exec(path) : null;
    if (match !== null) return { action: route.action, id: match[1] ?? '', query: url.searchParams };
  }
  return undefined;
}

function parsedBody(text: string): Element {
  try {
    const root = parseXml(text);
    if (root.attributes.get('xmlns') !== 'https://route53.amazonaws.com/doc/2013-04-01/')
      throw new Error('the namespace is not that of the API');
    return root;
  } catch (error) {
    throw new Refused(400, 'MalformedInput', [String(error)]);
  }
}

function readChanges(body: Element | undefined): readonly RequestedChange[] {
  if (body?.name !== 'ChangeResourceRecordSetsRequest') throw new InvalidInput('The root element is wrong');
  const batch = body.children.find((child) => child.name === 'ChangeBatch');
  const list = batch?.children.find((child) => child.name === 'Changes');
  return (list?.children ?? []).map((change) => {
    const action = change.children.find((child) => child.name === 'Action');
    const set = change.children.find((child) => child.name === 'ResourceRecordSet');
    if (change.name !== 'Change' || action === undefined || set === undefined || change.children.length !== 2)
      throw new InvalidInput('A Change has an Action and a ResourceRecordSet');
    return { action: action.text, set: readSet(set) };
  });
}

function maxItems(query: URLSearchParams, most: number): number {
  const asked = query.get('maxitems');
  if (asked === null) return most;
  if (!/^[1-9]\d*$/.test(asked)) throw new Refused(400, 'InvalidInput', ['maxitems is no number']);
  return Math.min(most, Number(asked));
}

function changeInfo(id: string, Status: 'PENDING' | 'INSYNC'): Content {
  return { Id: `/change/${id}`, Status, SubmittedAt: new Date().toISOString() };
}

function apexOf(origin: string): readonly ApiSet[] {
  return [
    { Name: origin, Type: 'NS', TTL: 172_800, ResourceRecords: SERVERS.map((Value) => ({ Value })) },
    {
      Name: origin,
      Type: 'SOA',
      TTL: 900,
      ResourceRecords: [{ Value: `${SERVERS[0]} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400` }],
    },
  ];
}

type SortKey = readonly [name: string, type: string, identifier: string];

/** "The resource record sets are sorted by reversed labels, then by type." */
function sortKey(set: ApiSet): SortKey {
  return [reversed(set.Name), set.Type, set.SetIdentifier ?? ''];
}

function reversed(name: string): string {
  return name.split('.').reverse().join('.');
}

function compare(a: SortKey, b: SortKey): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? '';
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

function sameKey(
  a: Pick<ApiSet, 'Name' | 'Type' | 'SetIdentifier'>,
  b: Pick<ApiSet, 'Name' | 'Type' | 'SetIdentifier'>,
): boolean {
  return apiName(a.Name) === apiName(b.Name) && a.Type === b.Type && a.SetIdentifier === b.SetIdentifier;
}

async function located(client: ClientAddress): Promise<Place> {
  const code = await country(client);
  return code === undefined ? {} : { country: code, continent: COUNTRIES.get(code)?.continent };
}

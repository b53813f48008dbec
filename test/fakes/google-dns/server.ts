import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAtOrBelow, parseName } from '../../../src/dns/name.ts';
import { country, type DnsFront, type FrontAnswer, type FrontQuestion, startDnsFront } from '../dns-front.ts';
import { startHttpFront } from '../http-front.ts';
import { answerFrom } from './answers.ts';
import { LIMITS, Refused } from './limits.ts';
import { type Change, ManagedZone } from './managed-zone.ts';
import { type ApiCall, pageOf, parsedBody, routeOf, send, sendRefusal } from './requests.ts';
import { changeRequest, permissionsRequest } from './schema.ts';
import { TokenIssuer } from './tokens.ts';

export interface FakeGoogleOptions {
  /** Default: `example-project`. */
  readonly project?: string;
  /** `selfLink`s of health checks that exist. */
  readonly healthChecks?: readonly string[];
  /** How long a change is `pending`. Default: 0. */
  readonly pendingMs?: number;
  /** Most items of a page, whatever is asked for. Default: 100. */
  readonly pageSize?: number;
  /** In [0, 1); default: Math.random. */
  readonly random?: () => number;
  /** Serve TLS, as `localhost`. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Faults act on requests to the API that begin afterwards. */
export interface Faults {
  latencyMs: number;
  /** Share of requests that get 429. */
  throttledShare: number;
  /** Seconds in `Retry-After` of a 429. */
  retryAfterSeconds: number | undefined;
  /** The next change is applied, but answered with a 500, or the connection breaks. */
  loseNextAnswer: 'no' | '500' | 'reset';
  /** Permissions that the account does not have. */
  readonly denied: Set<string>;
  /** Runs after a change was taken in and before it is judged: somebody else's edit in between. */
  beforeChange: (() => void) | undefined;
}

export interface FakeGoogle {
  /** `http://127.0.0.1:…`; with TLS `https://localhost:…`. */
  readonly endpoint: string;
  readonly project: string;
  readonly tokens: TokenIssuer;
  readonly faults: Faults;
  /** Requests by method of the API: `changes.create`. */
  readonly requests: ReadonlyMap<string, number>;
  readonly dns: DnsFront;
  /** A key whose assertions this server takes, as JSON. */
  credentials(): string;
  /** Workload identity federation by a URL of this server, as JSON. */
  federation(): string;
  addZone(zone: {
    readonly name: string;
    readonly origin: string;
    readonly private?: boolean;
    readonly signed?: boolean;
  }): ManagedZone;
  zone(name: string): ManagedZone;
  deleteZone(name: string): void;
  setHealth(address: string, up: boolean): void;
  close(): Promise<void>;
}

/** Where most clients of a country are, roughly: enough to find the nearest region. */
const COUNTRIES: Readonly<Record<string, readonly [number, number]>> = {
  DE: [51, 10],
  FR: [47, 2],
  GB: [53, -1],
  US: [39, -98],
  BR: [-15, -48],
  JP: [36, 138],
  AU: [-25, 134],
};

/** Google Cloud DNS on a socket: its API v1, the token endpoint, and its name servers. */
export async function startFakeGoogle(options: FakeGoogleOptions = {}): Promise<FakeGoogle> {
  const { project = 'example-project', pageSize = 100, random = Math.random } = options;
  const tokens = new TokenIssuer();
  const zones = new Map<string, ManagedZone>();
  const down = new Set<string>();
  const requests = new Map<string, number>();
  const healthChecks = new Set(options.healthChecks);
  const faults: Faults = {
    latencyMs: 0,
    throttledShare: 0,
    retryAfterSeconds: undefined,
    loseNextAnswer: 'no',
    denied: new Set(),
    beforeChange: undefined,
  };
  const dns = await startDnsFront({ answer: answerQuestion });

  async function answerQuestion({ name, type, client }: FrontQuestion): Promise<FrontAnswer> {
    const zone = [...zones.values()]
      .filter((one) => !one.facts.private && isAtOrBelow(name, one.facts.origin))
      .sort((a, b) => b.facts.origin.length - a.facts.origin.length)[0];
    if (zone === undefined) return { rcode: 5, aa: false, answers: [] };
    const found = await country(client);
    const at = found === undefined ? undefined : COUNTRIES[found];
    return answerFrom(zone.facts.origin, zone.served(Date.now()), name, type, {
      isUp: (address) => !down.has(address),
      random,
      at,
    });
  }

  const front = await startHttpFront({
    tls: options.tls,
    answer: (request, body, response) =>
      handle(request, body, response).catch((error: unknown) => {
        if (response.destroyed) return;
        const refused = error instanceof Refused ? error : new Refused(500, 'backendError', String(error));
        sendRefusal(response, refused, faults.retryAfterSeconds);
      }),
  });
  const endpoint = front.url;

  async function handle(request: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', endpoint);
    if (url.pathname === '/token' || url.pathname === '/sts') {
      const form = new URLSearchParams(body);
      const answer =
        url.pathname === '/token' ? tokens.exchangeAssertion(form, Date.now()) : tokens.exchangeSubject(form);
      send(response, answer.status, answer.body);
      return;
    }
    if (url.pathname.startsWith('/computeMetadata/v1')) {
      metadata(url.pathname, request, response);
      return;
    }
    if (url.pathname === '/subject-token') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(tokens.subjectToken);
      return;
    }
    const call = routeOf(request.method ?? 'GET', url.pathname);
    if (call === undefined)
      throw new Refused(404, 'notFound', `${request.method} ${url.pathname} is not in the API.`);
    requests.set(call.method, (requests.get(call.method) ?? 0) + 1);
    if (faults.latencyMs > 0) await front.pause(faults.latencyMs);
    if (random() < faults.throttledShare)
      throw new Refused(
        429,
        'rateLimitExceeded',
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'",
      );
    if (!tokens.accepts(request.headers.authorization))
      throw new Refused(401, 'authError', 'Request had invalid authentication credentials.', 'Authorization');
    if (call.project !== project)
      throw new Refused(
        404,
        'notFound',
        `The 'parameters.project' resource named '${call.project}' does not exist.`,
      );
    if (faults.denied.has(`dns.${call.method}`))
      throw new Refused(403, 'forbidden', `The user does not have the permission dns.${call.method}.`);
    const answer = answerOf(call, url, body);
    if (call.method === 'changes.create' && faults.loseNextAnswer !== 'no') {
      const how = faults.loseNextAnswer;
      faults.loseNextAnswer = 'no';
      if (how === '500') throw new Refused(500, 'backendError', 'Backend Error');
      request.socket.destroy();
      return;
    }
    send(response, 200, answer);
  }

  /** The metadata server of a machine of Google Cloud, as GKE's workload identity offers it. https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys */
  function metadata(path: string, request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('metadata-flavor', 'Google');
    if (request.headers['metadata-flavor'] !== 'Google')
      send(response, 403, { error: 'Missing Metadata-Flavor:Google header' });
    else if (path === '/computeMetadata/v1/instance')
      response.writeHead(200, { 'content-type': 'application/text' }).end('id');
    else if (path.endsWith('/instance/service-accounts/default/token'))
      send(response, 200, tokens.issueNow());
    else send(response, 404, { error: 'not found' });
  }

  function answerOf({ method, zone: name = '', id = '' }: ApiCall, url: URL, body: string): object {
    const zone = zones.get(name);
    if (name !== '' && zone === undefined && method !== 'managedZones.testIamPermissions')
      throw new Refused(
        404,
        'notFound',
        `The 'parameters.managedZone' resource named '${name}' does not exist.`,
      );
    switch (method) {
      case 'projects.get':
        return { kind: 'dns#project', id: project, number: '1', quota: { kind: 'dns#quota', ...LIMITS } };
      case 'managedZones.list': {
        const wanted = url.searchParams.get('dnsName');
        const all = [...zones.values()].filter(({ facts }) => wanted === null || facts.origin === wanted);
        const page = pageOf(
          all.sort((a, b) => (a.name < b.name ? -1 : 1)),
          url,
          pageSize,
        );
        return {
          kind: 'dns#managedZonesListResponse',
          managedZones: page.items.map((one) => one.resource()),
          ...page.next,
        };
      }
      case 'managedZones.testIamPermissions': {
        const { permissions } = parsedBody(permissionsRequest, body);
        return zone === undefined
          ? {}
          : { permissions: permissions.filter((one) => !faults.denied.has(one)) };
      }
      default:
    }
    if (zone === undefined) throw new Refused(404, 'notFound', 'There is no such zone.');
    switch (method) {
      case 'managedZones.get':
        return zone.resource();
      case 'resourceRecordSets.list': {
        const wanted = url.searchParams.get('name');
        const type = url.searchParams.get('type');
        if (type !== null && wanted === null)
          throw new Refused(400, 'required', "If 'type' is present, 'name' must also be present.");
        const all = zone
          .resources()
          .filter((set) => (wanted === null || set.name === wanted) && (type === null || set.type === type));
        const page = pageOf(all, url, pageSize);
        return { kind: 'dns#resourceRecordSetsListResponse', rrsets: page.items, ...page.next };
      }
      case 'changes.create': {
        const change = parsedBody(changeRequest, body);
        const before = faults.beforeChange;
        faults.beforeChange = undefined;
        before?.();
        return zone.change(change, Date.now(), options.pendingMs ?? 0);
      }
      default: {
        const change: Change | undefined = zone.changeOf(id, Date.now());
        if (change === undefined)
          throw new Refused(
            404,
            'notFound',
            `The 'parameters.changeId' resource named '${id}' does not exist.`,
          );
        return change;
      }
    }
  }

  function zoneNamed(name: string): ManagedZone {
    const zone = zones.get(name);
    if (zone === undefined) throw new Error(`there is no zone ${name}`);
    return zone;
  }

  return {
    endpoint,
    project,
    tokens,
    faults,
    requests,
    dns,
    credentials: () => JSON.stringify(tokens.serviceAccount(`${endpoint}/token`)),
    federation: () =>
      JSON.stringify({
        type: 'external_account',
        audience:
          '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/hubs/providers/oidc',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${endpoint}/sts`,
        credential_source: { url: `${endpoint}/subject-token`, format: { type: 'text' } },
      }),
    addZone({ name, origin, private: isPrivate = false, signed = false }) {
      const facts = { origin: parseName(origin), private: isPrivate, signed, healthChecks };
      const zone = new ManagedZone(name, facts);
      zones.set(name, zone);
      return zone;
    },
    zone: zoneNamed,
    deleteZone(name) {
      zoneNamed(name);
      zones.delete(name);
    },
    setHealth(address, up) {
      if (up) down.delete(address);
      else down.add(address);
    },
    async close() {
      await Promise.all([front.close(), dns.close()]);
    },
  };
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientAddress } from '../../../src/dns/client.ts';
import { COUNTRIES } from '../../../src/routing/countries.ts';
import { country, type DnsFront, startDnsFront } from '../dns-front.ts';
import { startHttpFront } from '../http-front.ts';
import { type Answer, apexOf, createActions, type Zone } from './actions.ts';
import { frontAnswer } from './front.ts';
import { HealthChecks } from './health-checks.ts';
import { Refused } from './refused.ts';
import { parsedBody, routeOf } from './requests.ts';
import type { Place } from './resolve.ts';
import { type ApiSet, apiName } from './sets.ts';
import { unsigned } from './signature.ts';
import { writeXml } from './xml.ts';

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

const NAMESPACE = ' xmlns="https://route53.amazonaws.com/doc/2013-04-01/"';
/** "Five requests per second per AWS account." */
const PER_SECOND = 5;

export async function startFakeRoute53(options: FakeOptions = {}): Promise<FakeRoute53> {
  const random = options.random ?? Math.random;
  const locate = options.locate ?? located;
  const keys = new Map([['AKIAFAKEFAKEFAKEFAKE', 'fake-secret-key-of-the-test-server']]);
  const [[accessKeyId, secretAccessKey] = ['', '']] = [...keys];
  const zones = new Map<string, Zone>();
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
  const nextId = (): string => {
    counter += 1;
    return String(counter).padStart(13, '0');
  };

  function zoneOf(id: string): Zone {
    const zone = zones.get(id);
    if (zone === undefined)
      throw new Refused(404, 'NoSuchHostedZone', [`No hosted zone found with ID: ${id}`]);
    return zone;
  }

  const actions = createActions({
    zones,
    changes: new Map(),
    healthChecks,
    faults,
    zoneOf,
    nextId,
  });

  async function handle(request: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    if (faults.latencyMs > 0) await front.pause(faults.latencyMs);
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
      const act = actions[route.action];
      if (act === undefined) throw new Error(`${route.action} has no code`);
      return act({ ...route, body });
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
      thrown instanceof Refused ? thrown : new Refused(500, 'InternalFailure', [String(thrown)]);
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
    return `00000000-0000-4000-9000-${nextId().slice(1)}`;
  }

  const front = await startHttpFront({ tls: options.tls, answer: handle });
  const dns = await startDnsFront({
    answer: async (question) =>
      frontAnswer([...zones.values()], (id) => healthChecks.get(id)?.up ?? false, question, {
        place: await locate(question.client),
        random,
      }),
  });

  return {
    endpoint: front.url,
    accessKeyId,
    secretAccessKey,
    dns,
    requests,
    healthChecks,
    faults,
    createZone(origin, { private: isPrivate = false } = {}) {
      const id = `Z${nextId()}`;
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
      await Promise.all([front.close(), dns.close()]);
    },
  };
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

import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { type HttpFront, startHttpFront } from '../http-front.ts';
import { StatusError, sendJson } from './status.ts';

/** Whom a token stands for at the fake API server. */
export interface FakeToken {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** Default: the server's own. */
  readonly audiences?: readonly string[];
}

/** An RBAC rule: what a user or group may do. `*` stands for everything. */
export interface FakeRule {
  readonly subject: string;
  readonly verb: string;
  /** `group/resource` or a path. */
  readonly on: string;
  readonly namespace?: string;
}

export interface FakeKubernetes extends HttpFront {
  /** By the token itself; changed by tests. */
  readonly tokens: Map<string, FakeToken>;
  readonly rules: FakeRule[];
  /** Requests that reached each resource. */
  readonly asked: { tokenReviews: number; accessReviews: number };
  /** `throttled`: 429 as priority and fairness answers; `broken`: 500. */
  state: 'up' | 'throttled' | 'broken';
}

const API_AUDIENCE = 'https://kubernetes.default.svc.cluster.local';

const metadata = z.looseObject({}).default({});
const tokenReview = z.strictObject({
  apiVersion: z.literal('authentication.k8s.io/v1'),
  kind: z.literal('TokenReview'),
  metadata,
  spec: z.strictObject({ token: z.string().default(''), audiences: z.array(z.string()).default([]) }),
});
const resourceAttributes = z.strictObject({
  namespace: z.string().default(''),
  verb: z.string().default(''),
  group: z.string().default(''),
  version: z.string().default(''),
  resource: z.string().default(''),
  subresource: z.string().default(''),
  name: z.string().default(''),
});
const accessReview = z.strictObject({
  apiVersion: z.literal('authorization.k8s.io/v1'),
  kind: z.literal('SubjectAccessReview'),
  metadata,
  spec: z.strictObject({
    user: z.string().default(''),
    groups: z.array(z.string()).default([]),
    uid: z.string().default(''),
    resourceAttributes: resourceAttributes.optional(),
    nonResourceAttributes: z
      .strictObject({ path: z.string().default(''), verb: z.string().default('') })
      .optional(),
  }),
});

/**
 * The authentication and authorisation reviews of a Kubernetes API server on loopback, as kube-apiserver answers them
 * (pkg/registry/authentication/tokenreview, pkg/registry/authorization/subjectaccessreview): 201 with a status, callers known by their
 * bearer token and held to RBAC, Status objects for refusals. Fields that the API does not have are refused, as strict field
 * validation does.
 */
export async function startFakeKubernetes(
  options: { readonly tls?: { readonly key: string; readonly cert: string } } = {},
): Promise<FakeKubernetes> {
  const tokens = new Map<string, FakeToken>();
  const rules: FakeRule[] = [];
  const asked = { tokenReviews: 0, accessReviews: 0 };

  const allowed = (
    who: FakeToken | { username: string; groups: readonly string[] },
    wanted: Omit<FakeRule, 'subject'>,
  ) =>
    rules.some(
      (rule) =>
        [who.username, ...(who.groups ?? [])].includes(rule.subject) &&
        [wanted.verb, '*'].includes(rule.verb) &&
        [wanted.on, '*'].includes(rule.on) &&
        (rule.namespace === undefined || rule.namespace === wanted.namespace),
    );

  function callerOf(request: IncomingMessage): FakeToken {
    const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    const caller = token === undefined ? undefined : tokens.get(token);
    if (caller === undefined) throw new StatusError(401, 'Unauthorized', 'Unauthorized');
    return { ...caller, groups: [...(caller.groups ?? []), 'system:authenticated'] };
  }

  function mayCreate(caller: FakeToken, group: string, resource: string): void {
    if (allowed(caller, { verb: 'create', on: `${group}/${resource}` })) return;
    const message = `${resource}.${group} is forbidden: User "${caller.username}" cannot create resource "${resource}" in API group "${group}" at the cluster scope`;
    throw new StatusError(403, 'Forbidden', message, { group, kind: resource });
  }

  function reviewToken({ spec }: z.output<typeof tokenReview>): object {
    if (spec.token === '') {
      throw new StatusError(400, 'BadRequest', 'token is required for TokenReview in authentication');
    }
    const wanted = spec.audiences.length === 0 ? [API_AUDIENCE] : spec.audiences;
    const found = tokens.get(spec.token);
    if (found === undefined) return { user: {}, error: '[invalid bearer token, unknown]' };
    const given = found.audiences ?? [API_AUDIENCE];
    const audiences = wanted.filter((audience) => given.includes(audience));
    if (audiences.length === 0) {
      const error = `[invalid bearer token, token audiences ${JSON.stringify(given)} is invalid for the target audiences ${JSON.stringify(wanted)}]`;
      return { user: {}, error };
    }
    return {
      authenticated: true,
      user: {
        username: found.username,
        ...(found.uid === undefined ? {} : { uid: found.uid }),
        groups: [...(found.groups ?? []), 'system:authenticated'],
        ...(found.extra === undefined ? {} : { extra: found.extra }),
      },
      audiences,
    };
  }

  function reviewAccess({ spec }: z.output<typeof accessReview>): object {
    const { resourceAttributes: on, nonResourceAttributes: path, user, groups } = spec;
    const invalid = (why: string): StatusError =>
      new StatusError(422, 'Invalid', `SubjectAccessReview.authorization.k8s.io "" is invalid: ${why}`, {
        group: 'authorization.k8s.io',
        kind: 'SubjectAccessReview',
      });
    if ((on === undefined) === (path === undefined)) {
      throw invalid(
        'spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified',
      );
    }
    if (user === '' && groups.length === 0) {
      throw invalid('spec.user: Invalid value: "": at least one of user or group must be specified');
    }
    const wanted =
      on === undefined
        ? { verb: path?.verb ?? '', on: path?.path ?? '' }
        : { verb: on.verb, on: `${on.group}/${on.resource}`, namespace: on.namespace };
    return allowed({ username: user, groups }, wanted)
      ? { allowed: true, reason: 'RBAC: allowed by ClusterRoleBinding "test" of ClusterRole "test"' }
      : { allowed: false };
  }

  function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    if (fake.state === 'throttled') {
      response.setHeader('retry-after', '1');
      throw new StatusError(
        429,
        'TooManyRequests',
        'the server has received too many requests and has asked us to try again later',
      );
    }
    if (fake.state === 'broken') throw new StatusError(500, 'InternalError', 'Internal error occurred: etcd');
    const caller = callerOf(request);
    const review = REVIEWS.find((r) => r.path === pathname);
    if (review === undefined) {
      throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
    }
    if (request.method !== 'POST') {
      throw new StatusError(
        405,
        'MethodNotAllowed',
        'the server does not allow this method on the requested resource',
      );
    }
    mayCreate(caller, review.group, review.resource);
    if (request.headers['content-type']?.split(';')[0] !== 'application/json') {
      throw new StatusError(
        415,
        'UnsupportedMediaType',
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      );
    }
    const { object, status } = review.of(jsonOf(body));
    sendJson(response, 201, { ...object, metadata: { creationTimestamp: null }, status });
  }

  const REVIEWS = [
    {
      path: '/apis/authentication.k8s.io/v1/tokenreviews',
      group: 'authentication.k8s.io',
      resource: 'tokenreviews',
      of(value: unknown): { object: object; status: object } {
        asked.tokenReviews += 1;
        const object = parsed(tokenReview, value);
        return { object, status: reviewToken(object) };
      },
    },
    {
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      group: 'authorization.k8s.io',
      resource: 'subjectaccessreviews',
      of(value: unknown): { object: object; status: object } {
        asked.accessReviews += 1;
        const object = parsed(accessReview, value);
        return { object, status: reviewAccess(object) };
      },
    },
  ];

  const front = await startHttpFront({
    tls: options.tls,
    answer(request, body, response) {
      try {
        answer(request, body, response);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        error.send(response);
      }
    },
  });
  const fake: FakeKubernetes = { ...front, tokens, rules, asked, state: 'up' };
  return fake;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    throw new StatusError(
      400,
      'BadRequest',
      'the object provided is unrecognized (must be of type TokenReview)',
    );
  }
}

function parsed<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new StatusError(400, 'BadRequest', `strict decoding error: ${z.prettifyError(result.error)}`);
}

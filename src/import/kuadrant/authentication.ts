import { isKey } from './api-keys.ts';
import type { Attributes } from './attributes.ts';
import { compact } from './documents.ts';
import { identityOf } from './identity.ts';
import type { Field } from './ledger.ts';
import type { Patterns } from './patterns.ts';
import { valueExpression } from './patterns.ts';
import type { SourceSecrets } from './secrets.ts';

export interface AuthContext {
  readonly namespace: string;
  readonly patterns: Patterns;
  readonly secrets: SourceSecrets;
  /** CEL by name: properties that the policy hands on to others, which become fields of the identity. */
  readonly handedOn: Readonly<Record<string, string>>;
}

/** One rule of `authentication`. Undefined, and told: left out, so that its callers are refused. */
export function authenticationRule(
  rule: Field,
  context: AuthContext,
): Readonly<Record<string, unknown>> | undefined {
  const method = methodOf(rule, context);
  const when = rule.get('when') === undefined ? [] : context.patterns.list(rule.get('when'));
  if (method === undefined || when === undefined) {
    rule.leaveOut('this way to authenticate is left out');
    return undefined;
  }
  const identity = identityOf(rule);
  const overrides = { ...expressionsOf(rule.get('overrides'), identity), ...context.handedOn };
  const made = compact({ when, defaults: expressionsOf(rule.get('defaults'), identity), overrides });
  const priority = rule.get('priority')?.value;
  rule.exact('priority');
  rule.get('metrics')?.tell('exact', 'every rule has metrics');
  const cache = rule.get('cache');
  if (method.cached === undefined)
    cache?.tell('approximate', 'decisions are remembered as the policy says in `decisions`');
  return { ...(typeof priority === 'number' && priority > 0 ? { priority } : {}), ...method.as, ...made };
}

interface Method {
  readonly as: Readonly<Record<string, unknown>>;
  readonly cached?: true;
}

function methodOf(rule: Field, context: AuthContext): Method | undefined {
  const credentials = credentialsOf(rule.get('credentials'));
  const own = credentials === undefined ? {} : { credentials: [credentials] };
  const named = (kind: string): Field | undefined => rule.get(kind);
  const anonymous = named('anonymous');
  if (anonymous !== undefined) {
    anonymous.tell('exact');
    return { as: { anonymous: {} } };
  }
  const apiKey = named('apiKey');
  if (apiKey !== undefined) return keys(apiKey, own, context);
  const jwt = named('jwt');
  if (jwt !== undefined) return tokens(jwt, own);
  const introspection = named('oauth2Introspection');
  if (introspection !== undefined) return introspected(rule, introspection, own, context);
  const review = named('kubernetesTokenReview');
  if (review !== undefined) {
    const audiences = textsOf(review.get('audiences'));
    // Theirs then wants the host of the request among them; ours would take every token of the API server.
    if (audiences.length === 0) {
      review.tell(
        'unsupported',
        'name the hosts in `audiences`: without any, every token of the cluster passes',
      );
      return undefined;
    }
    review.tell('exact');
    return { as: { kubernetesTokenReview: { ...own, audiences } } };
  }
  const x509 = named('x509');
  if (x509 !== undefined) return clientCertificates(x509, context);
  const plain = named('plain');
  return plain === undefined ? undefined : plainHeader(plain);
}

function keys(
  apiKey: Field,
  own: Readonly<Record<string, unknown>>,
  context: AuthContext,
): Method | undefined {
  const selector = apiKey.get('selector');
  if (selector?.get('matchExpressions') !== undefined) {
    selector.get('matchExpressions')?.tell('unsupported', 'keys are selected by labels only');
    return undefined;
  }
  selector
    ?.get('matchLabels')
    ?.tell('exact', 'import the Secrets with them: their labels become those of the keys');
  const labels = selector?.get('matchLabels')?.value;
  const all = apiKey.get('allNamespaces');
  const found = all?.value === true ? context.secrets.labelled(undefined, labels).filter(isKey) : [];
  const namespaces = [...new Set(found.map(({ namespace }) => namespace))].sort();
  all?.tell(
    'approximate',
    namespaces.length > 0
      ? `keys of ${namespaces.join(', ')}, where such Secrets are now: name others in \`namespaces\``
      : `keys of namespace ${context.namespace} only: import them there, or name others in \`namespaces\``,
  );
  // Where none are said, theirs are looked for in `Authorization: Bearer`.
  const credentials =
    own.credentials === undefined ? { credentials: [{ in: 'authorization', scheme: 'Bearer' }] } : own;
  return { as: { apiKey: { ...credentials, ...compact({ labels, namespaces }) } } };
}

function tokens(jwt: Field, own: Readonly<Record<string, unknown>>): Method | undefined {
  const issuer = jwt.text('issuerUrl');
  const jwksUri = jwt.text('jwksUrl');
  if (issuer === undefined) {
    jwt.tell('unsupported', 'ours needs the issuer (`issuerUrl`), which tokens must name');
    return undefined;
  }
  jwt.exact('issuerUrl', 'jwksUrl');
  jwt
    .get('ttl')
    ?.tell(
      'approximate',
      'keys of issuers are renewed before they are old, and when a token names a new one',
    );
  return { as: { jwt: { ...own, ...compact({ issuer, jwksUri }) } } };
}

function introspected(
  rule: Field,
  from: Field,
  own: Readonly<Record<string, unknown>>,
  context: AuthContext,
): Method | undefined {
  const url = from.text('endpoint');
  if (url === undefined) return undefined;
  from.exact('endpoint', 'tokenTypeHint');
  const secret = from.get('credentialsRef')?.text('name');
  const clientId =
    secret === undefined ? undefined : context.secrets.value(context.namespace, secret, 'clientID');
  const ref = from.get('credentialsRef');
  if (secret !== undefined && clientId === undefined) {
    ref?.tell(
      'unsupported',
      `Secret ${secret} is not among the documents: write its clientID as \`clientId\``,
    );
    return undefined;
  }
  ref?.tell('exact', `Secret ${secret} with clientSecret is needed in the hub`);
  const ttl = rule.get('cache')?.get('ttl')?.value;
  rule.get('cache')?.get('ttl')?.tell('exact');
  rule.get('cache')?.get('key')?.tell('approximate', 'answers are remembered by token');
  return {
    cached: true,
    as: {
      oauth2Introspection: {
        ...own,
        ...compact({
          url,
          tokenTypeHint: from.text('tokenTypeHint'),
          clientId,
          clientSecretRef: secret === undefined ? undefined : { name: secret, key: 'clientSecret' },
        }),
        // Without a cache theirs asks each time.
        cacheSeconds: typeof ttl === 'number' ? ttl : 0,
      },
    },
  };
}

function clientCertificates(x509: Field, context: AuthContext): Method | undefined {
  const labels = x509.get('selector')?.get('matchLabels')?.value;
  const found = context.secrets.labelled(
    x509.get('allNamespaces')?.value === true ? undefined : context.namespace,
    labels,
  );
  const here = found.filter(({ namespace }) => namespace === context.namespace);
  const source = x509.get('source');
  const header = headerOf(source);
  if (
    header === null ||
    here.length === 0 ||
    source?.get('expression') !== undefined ||
    x509.get('selector')?.get('matchExpressions') !== undefined
  ) {
    x509.tell(
      'unsupported',
      'name the Secrets with the CA certificates in `mtls.caRefs`: none with these labels is among the documents of this namespace, or its header is neither x-forwarded-client-cert nor client-cert',
    );
    return undefined;
  }
  x509.get('selector')?.tell('approximate', 'the Secrets that have these labels now are named');
  source?.exact('xfccHeader', 'clientCertHeader');
  x509
    .get('allNamespaces')
    ?.tell(
      found.length > here.length ? 'approximate' : 'exact',
      found.length > here.length ? `Secrets of namespace ${context.namespace} only` : undefined,
    );
  return { as: { mtls: { caRefs: here.map(({ name }) => ({ name })), ...compact({ header }) } } };
}

/** The header a trusted proxy puts certificates into; undefined: none, the connection has it. Null: one that is not read here. */
function headerOf(source: Field | undefined): string | undefined | null {
  const named = { xfccHeader: 'x-forwarded-client-cert', clientCertHeader: 'client-cert' };
  for (const [key, header] of Object.entries(named)) {
    const theirs = source?.text(key)?.toLowerCase();
    if (theirs !== undefined) return theirs === header ? header : null;
  }
  return undefined;
}

function plainHeader(plain: Field): Method | undefined {
  const header =
    /^context\.request\.http\.headers\.([a-z0-9-]+)$/.exec(plain.text('selector') ?? '')?.[1] ??
    /^(?:context\.request\.http|request)\.headers\[["']([a-z0-9-]+)["']\]$/.exec(
      plain.text('expression') ?? '',
    )?.[1];
  if (header === undefined) {
    plain.tell(
      'unsupported',
      'an identity is taken from a header that a trusted proxy sets, and from nothing else',
    );
    return undefined;
  }
  plain.tell(
    'approximate',
    'the header is believed from trusted proxies only, and its text is the principal',
  );
  return { as: { plain: { header } } };
}

function credentialsOf(credentials: Field | undefined): Readonly<Record<string, unknown>> | undefined {
  if (credentials === undefined) return undefined;
  credentials.tell('exact');
  const text = (kind: string, key: string): string | undefined => credentials.get(kind)?.text(key);
  const header = text('customHeader', 'name');
  const query = text('queryString', 'name');
  const cookie = text('cookie', 'name');
  if (header !== undefined) return { in: 'header', name: header.toLowerCase() };
  if (query !== undefined) return { in: 'query', name: query };
  if (cookie !== undefined) return { in: 'cookie', name: cookie };
  return { in: 'authorization', scheme: text('authorizationHeader', 'prefix') ?? 'Bearer' };
}

function expressionsOf(values: Field | undefined, identity: Attributes): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (values?.entries() ?? []).flatMap(([name, value]) => {
      const text = valueExpression(value, identity);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

export function textsOf(list: Field | undefined): readonly string[] {
  return Array.isArray(list?.value)
    ? list.value.filter((text): text is string => typeof text === 'string')
    : [];
}

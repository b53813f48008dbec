/**
 * What CEL expressions see (names as Envoy's and Kuadrant's attributes). One context per request: every value is made when an
 * expression asks for it, so that a request whose policies look at one header pays for that header only. A value that is not there
 * (no TLS, no country) is absent: `has()` tells, and using it is an error.
 */

/** What a context is made from; a gateway's request has this shape. */
export interface CelRequestFacts {
  readonly id: string;
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  /** Flat list `name, value, …`, names in lower case. */
  readonly fields: readonly string[];
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly source: { readonly address: string; readonly port: number };
  readonly tls: { readonly serverName: string | undefined; readonly protocol: string } | undefined;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

export interface CelRouteFacts {
  readonly name: string;
  readonly namespace: string;
  /** Name of the rule, or its index. */
  readonly rule: string;
}

/** Who a request is from, whatever the method that said so. */
export interface CelPrincipalFacts {
  /** `anonymous`, a key's principal, the subject of a token, the name in a certificate. */
  readonly name: string;
  /** Name of the authentication rule and its type. */
  readonly rule: string;
  readonly method: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Public id of an API key; never the key. */
  readonly keyId?: string;
  readonly plan?: string;
  /** Claims, attributes: `auth.identity` in CEL. Has no secrets. */
  readonly identity: Readonly<Record<string, unknown>>;
}

export interface CelSurroundings {
  readonly route?: CelRouteFacts;
  /** Port of the listener. */
  readonly port?: number;
  /** ISO 3166-1 alpha-2 of an address; asked at most once per request. */
  readonly countryOf?: (address: string) => string | undefined;
  /** What another proxy says of a request: the descriptors of Envoy's rate limit service. */
  readonly descriptors?: readonly Readonly<Record<string, string>>[];
}

/** Header fields joined as RFC 9110 §5.3 says (cookies with `; `), in an object without prototype. */
export function headerMap(fields: readonly string[]): Readonly<Record<string, string>> {
  const map = Object.setPrototypeOf({}, null) as Record<string, string>;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    const before = map[name];
    map[name] = before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return map;
}

export class CelRequest {
  readonly #facts: CelRequestFacts;
  #headers: Readonly<Record<string, string>> | undefined;

  constructor(facts: CelRequestFacts) {
    this.#facts = facts;
  }

  get id(): string {
    return this.#facts.id;
  }
  get method(): string {
    return this.#facts.method;
  }
  get scheme(): string {
    return this.#facts.scheme;
  }
  get host(): string {
    return this.#facts.host;
  }
  get path(): string {
    return this.#facts.path;
  }
  get query(): string {
    return this.#facts.query;
  }
  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= headerMap(this.#facts.fields);
    return this.#headers;
  }
  get time(): Date {
    return new Date(this.#facts.wallMs);
  }
  /** As in a request line. */
  get protocol(): string {
    return this.#facts.httpVersion === '2' ? 'HTTP/2' : `HTTP/${this.#facts.httpVersion}`;
  }
  /** Octets of the body as announced; 0 without one; absent when the length is not known beforehand. */
  get size(): bigint | undefined {
    const announced = this.headers['content-length'];
    if (announced !== undefined) return /^\d{1,18}$/.test(announced) ? BigInt(announced) : undefined;
    const known = this.#facts.httpVersion !== '2' && this.headers['transfer-encoding'] === undefined;
    return known ? 0n : undefined;
  }
}

export class CelSource {
  readonly #source: CelRequestFacts['source'];
  readonly #countryOf: CelSurroundings['countryOf'];
  #country: string | undefined;
  #asked = false;

  constructor(source: CelRequestFacts['source'], countryOf: CelSurroundings['countryOf']) {
    this.#source = source;
    this.#countryOf = countryOf;
  }

  get address(): string {
    return this.#source.address;
  }
  get port(): bigint {
    return BigInt(this.#source.port);
  }
  get country(): string | undefined {
    if (!this.#asked) {
      this.#asked = true;
      this.#country = this.#countryOf?.(this.#source.address);
    }
    return this.#country;
  }
}

export class CelDestination {
  readonly #port: number | undefined;
  constructor(port: number | undefined) {
    this.#port = port;
  }
  get port(): bigint | undefined {
    return this.#port === undefined ? undefined : BigInt(this.#port);
  }
}

export class CelTls {
  readonly serverName: string | undefined;
  readonly version: string | undefined;
  constructor(tls: CelRequestFacts['tls']) {
    this.serverName = tls?.serverName;
    this.version = tls?.protocol;
  }
}

export class CelRoute {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly rule: string | undefined;
  constructor(route: CelRouteFacts | undefined) {
    this.name = route?.name;
    this.namespace = route?.namespace;
    this.rule = route?.rule;
  }
}

/** All absent until somebody was authenticated. */
export class CelAuth {
  readonly #principal: CelPrincipalFacts | undefined;
  #identity: Readonly<Record<string, unknown>> | undefined;
  readonly principal: string | undefined;
  readonly method: string | undefined;
  readonly rule: string | undefined;
  readonly keyId: string | undefined;
  readonly plan: string | undefined;
  readonly roles: readonly string[] | undefined;
  readonly scopes: readonly string[] | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;

  constructor(
    principal: CelPrincipalFacts | undefined,
    metadata: Readonly<Record<string, unknown>> = NOTHING,
  ) {
    this.#principal = principal;
    this.principal = principal?.name;
    this.method = principal?.method;
    this.rule = principal?.rule;
    this.keyId = principal?.keyId;
    this.plan = principal?.plan;
    this.roles = principal?.roles;
    this.scopes = principal?.scopes;
    this.metadata = metadata;
  }

  /** Claims and attributes; `id` is the principal's name where they have none, so that `auth.identity.id` tells callers apart. */
  get identity(): Readonly<Record<string, unknown>> | undefined {
    const principal = this.#principal;
    if (principal === undefined || this.#identity !== undefined) return this.#identity;
    const own = principal.identity;
    this.#identity = Object.hasOwn(own, 'id') ? own : { ...own, id: principal.name };
    return this.#identity;
  }
}

const NONE: readonly Readonly<Record<string, string>>[] = [];
const NOTHING: Readonly<Record<string, unknown>> = {};
const NOBODY_YET = new CelAuth(undefined);

/** Of one request; its parts are made when first asked for. */
export class CelContext {
  readonly #facts: CelRequestFacts;
  readonly #surroundings: CelSurroundings;
  #request: CelRequest | undefined;
  #source: CelSource | undefined;
  #auth: CelAuth = NOBODY_YET;

  constructor(facts: CelRequestFacts, surroundings: CelSurroundings = NOTHING) {
    this.#facts = facts;
    this.#surroundings = surroundings;
  }

  /** From now on `auth` is this principal with this metadata. */
  authenticated(principal: CelPrincipalFacts, metadata?: Readonly<Record<string, unknown>>): void {
    this.#auth = new CelAuth(principal, metadata);
  }

  get request(): CelRequest {
    this.#request ??= new CelRequest(this.#facts);
    return this.#request;
  }
  get source(): CelSource {
    this.#source ??= new CelSource(this.#facts.source, this.#surroundings.countryOf);
    return this.#source;
  }
  get destination(): CelDestination {
    return new CelDestination(this.#surroundings.port);
  }
  get tls(): CelTls {
    return new CelTls(this.#facts.tls);
  }
  get auth(): CelAuth {
    return this.#auth;
  }
  /** None but for the limits of other proxies. */
  get descriptors(): readonly Readonly<Record<string, string>>[] {
    return this.#surroundings.descriptors ?? NONE;
  }
  get route(): CelRoute {
    return new CelRoute(this.#surroundings.route);
  }
}

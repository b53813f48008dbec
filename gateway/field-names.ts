/** What the gateway itself does with a request header field. */
export type FieldKind =
  /** Goes on to the backend as it is. */
  | 'endToEnd'
  /** Belongs to this connection only (RFC 9110 §7.6.1). */
  | 'hopByHop'
  | 'host'
  | 'connection'
  | 'contentLength'
  | 'transferEncoding'
  | 'te'
  | 'upgrade'
  | 'expect'
  | 'authorization'
  | 'contentType'
  | 'cookie'
  | 'origin'
  | 'forwardedFor'
  | 'forwardedProto'
  | 'forwardedHost'
  /** Others that proxies say of a request, among them those by which a backend would read another path than a policy did. Never passed on. */
  | 'forwarded'
  | 'requestId'
  | 'traceparent'
  | 'tracestate';

export interface FieldName {
  /** In lower case. */
  readonly name: string;
  readonly kind: FieldKind;
}

const KINDS: Readonly<Record<string, FieldKind>> = {
  host: 'host',
  connection: 'connection',
  'keep-alive': 'hopByHop',
  'proxy-connection': 'hopByHop',
  'proxy-authorization': 'hopByHop',
  'proxy-authenticate': 'hopByHop',
  'http2-settings': 'hopByHop',
  trailer: 'hopByHop',
  'content-length': 'contentLength',
  'transfer-encoding': 'transferEncoding',
  te: 'te',
  upgrade: 'upgrade',
  expect: 'expect',
  authorization: 'authorization',
  'content-type': 'contentType',
  cookie: 'cookie',
  origin: 'origin',
  'x-forwarded-for': 'forwardedFor',
  'x-forwarded-proto': 'forwardedProto',
  'x-forwarded-host': 'forwardedHost',
  'x-forwarded-port': 'forwarded',
  'x-forwarded-server': 'forwarded',
  'x-real-ip': 'forwarded',
  forwarded: 'forwarded',
  'x-forwarded-uri': 'forwarded',
  'x-forwarded-method': 'forwarded',
  'x-forwarded-prefix': 'forwarded',
  'x-forwarded-scheme': 'forwarded',
  'x-forwarded-ssl': 'forwarded',
  'front-end-https': 'forwarded',
  // Frameworks behind IIS and others route by these instead of the target.
  'x-original-url': 'forwarded',
  'x-original-uri': 'forwarded',
  'x-original-host': 'forwarded',
  'x-original-method': 'forwarded',
  'x-rewrite-url': 'forwarded',
  // A CGI program finds it in HTTP_PROXY, which HTTP clients take for their proxy (httpoxy, CVE-2016-5385).
  proxy: 'forwarded',
  'x-request-id': 'requestId',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
};

/** Spelled as clients send them; the table grows by what comes, up to a bound. */
const COMMON = [
  ...Object.keys(KINDS),
  ...['accept', 'accept-encoding', 'accept-language', 'cache-control', 'user-agent', 'referer', 'range'],
  ...['x-api-key', 'content-encoding', 'if-none-match', 'if-modified-since', 'pragma', 'dnt', 'priority'],
  ...['grpc-timeout', 'grpc-accept-encoding', 'sec-websocket-key', 'sec-websocket-version'],
];
/** What an Envoy tells another: retries, timeouts and paths, which a client has no say in. */
const ENVOYS = 'x-envoy-';
const KEPT = 1000;
const known = new Map<string, FieldName>();
for (const name of COMMON) {
  const field: FieldName = { name, kind: KINDS[name] ?? 'endToEnd' };
  known.set(name, field);
  known.set(
    name.replace(/(^|-)([a-z])/g, (part) => part.toUpperCase()),
    field,
  );
}

/** @param written as it stood in the request */
export function fieldName(written: string): FieldName {
  const before = known.get(written);
  if (before !== undefined) return before;
  const name = written.toLowerCase();
  const field: FieldName = {
    name,
    kind: KINDS[name] ?? (name.startsWith(ENVOYS) ? 'forwarded' : 'endToEnd'),
  };
  if (known.size < KEPT) known.set(written, field);
  return field;
}

/**
 * The one name of a field for servers that hand fields to programs in variables: they read `x_user` as `x-user`, and `x_forwarded_for` as
 * what the gateway says itself.
 */
export function dashed(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name;
}

const NEVER_FORWARDED: ReadonlySet<FieldKind> = new Set<FieldKind>([
  'hopByHop',
  'host',
  'connection',
  'contentLength',
  'transferEncoding',
  'te',
  'upgrade',
]);

/** Fields that frame a message or belong to one connection: no filter or policy may set them. @param name in lower case */
export function framesMessage(name: string): boolean {
  return NEVER_FORWARDED.has(fieldName(name).kind);
}

import { withoutCookies } from './auth/strip.ts';
import type { Exchange } from './exchange.ts';
import { dashed, fieldName } from './field-names.ts';
import { withoutField } from './filters/headers.ts';
import type { Fields } from './request.ts';

const NONE: Fields = [];

/**
 * Header fields for the backend: the client's, without what frames a message, without identities that only policies set, without
 * credentials; then the gateway's own, the changes of filters, and last what the policy sets.
 */
export function forwardFields(exchange: Exchange): Fields {
  const { request, normal, allowed, serving, served, targetFilters, trace } = exchange;
  if (request === undefined || normal === undefined) return NONE;
  const { identityNames, proxyNames } = serving;
  const { source } = request;
  const removed = allowed?.removed;
  const removedCookies = allowed?.removedCookies;
  let out: string[] = [];
  const { fields } = request;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    let value = fields[at + 1] ?? '';
    if (name === 'content-length' || name === 'transfer-encoding') continue;
    // What answers cost stands in their body, and is read as it goes by.
    if (name === 'accept-encoding' && served?.quota?.readsBodies === true) continue;
    const plain = dashed(name);
    if (plain !== name && fieldName(plain).kind !== 'endToEnd') continue;
    if (identityNames.has(plain)) continue;
    if (removed !== undefined && (removed.includes(plain) || removed.includes(name))) continue;
    if (!source.trusted && proxyNames.has(plain)) continue;
    if (name === 'cookie' && removedCookies !== undefined && removedCookies.length > 0) {
      value = withoutCookies(value, removedCookies);
      if (value === '') continue;
    }
    out.push(name, value);
  }
  const connection = exchange.connection.source(exchange.port.edge);
  const before = source.trusted ? normal.forwardedFor : undefined;
  out.push('x-forwarded-for', before === undefined ? connection.address : `${before}, ${connection.address}`);
  out.push('x-forwarded-proto', request.scheme);
  out.push('x-forwarded-host', (source.trusted ? normal.forwardedHost : undefined) ?? authorityOf(exchange));
  if (source.trusted && normal.forwarded !== undefined) {
    out.push('forwarded', `${normal.forwarded}, ${forwardedElement(exchange, connection.address)}`);
  }
  out.push('x-request-id', request.id);
  if (trace !== undefined) {
    out.push('traceparent', `00-${trace.traceId}-${trace.spanId}-${trace.flags}`);
    if (normal.tracestate !== undefined && trace.continued) out.push('tracestate', normal.tracestate);
  }
  if (served !== undefined) for (const edit of served.filters.request) out = edit.apply(out);
  if (targetFilters !== undefined) for (const edit of targetFilters.request) out = edit.apply(out);
  if (allowed !== undefined) {
    const { set } = allowed;
    for (let at = 0; at + 1 < set.length; at += 2) out = withoutField(out, set[at] ?? '');
    for (const text of set) out.push(text);
  }
  return out;
}

/** As the client named it. */
export function authorityOf({ normal }: Exchange): string {
  if (normal === undefined) return '';
  return normal.port === undefined ? normal.host : `${normal.host}:${normal.port}`;
}

/** RFC 7239 §4. */
function forwardedElement(exchange: Exchange, address: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  return `for=${node};host="${authorityOf(exchange)}";proto=${exchange.request?.scheme ?? 'http'}`;
}

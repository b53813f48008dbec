import { X509Certificate } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
  HeaderValueOptionSchema,
} from '../../src/protocol/envoy/generated/envoy/config/core/v3/base_pb.js';
import type { AttributeContext_Peer } from '../../src/protocol/envoy/generated/envoy/service/auth/v3/attribute_context_pb.js';
import {
  type CheckRequest,
  type CheckResponse,
  CheckResponseSchema,
} from '../../src/protocol/envoy/generated/envoy/service/auth/v3/external_auth_pb.js';
import { withoutCookies } from '../auth/strip.ts';
import { type Fields, fieldOf } from '../request.ts';
import type { AskedRequest, Ruling } from './desk.ts';

/** Of `context_extensions`: the AuthPolicy that holds, `namespace/name`. Set by Envoy's configuration, never by a client. */
const POLICY_EXTENSION = 'portolan.policy';
/** google.rpc.Code */
const OK = 0;
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;

/**
 * A request of Envoy's `ext_authz` filter (envoy.service.auth.v3).
 * @returns undefined when it names no HTTP request
 */
export function fromCheckRequest({ attributes }: CheckRequest): AskedRequest | undefined {
  const http = attributes?.request?.http;
  if (attributes === undefined || http === undefined || http.host === '' || http.path === '')
    return undefined;
  const fields: string[] = [];
  // Envoy joins fields of one name with a comma; with `encode_raw_headers` they come as octets, one by one.
  for (const { key, value, rawValue } of http.headerMap?.headers ?? [])
    if (!key.startsWith(':'))
      fields.push(key, value === '' ? Buffer.from(rawValue).toString('latin1') : value);
  if (fields.length === 0)
    for (const [name, value] of Object.entries(http.headers))
      if (!name.startsWith(':')) fields.push(name, value);
  const { address, port } = addressOf(attributes.source);
  const chain = attributes.source?.certificate ?? '';
  const scheme = http.scheme === 'https' ? 'https' : 'http';
  return {
    id: http.id === '' ? undefined : http.id,
    method: http.method,
    scheme,
    authority: http.host,
    target: http.path,
    fields,
    httpVersion: http.protocol === 'HTTP/1.0' ? '1.0' : http.protocol === 'HTTP/1.1' ? '1.1' : '2',
    source: { address, port, peer: address, trusted: false },
    tls:
      attributes.tlsSession === undefined && chain === ''
        ? undefined
        : {
            serverName: attributes.tlsSession?.sni || undefined,
            protocol: 'TLS',
            peerChain: () => chainOf(chain),
          },
    policy: attributes.contextExtensions[POLICY_EXTENSION],
  };
}

function addressOf(peer: AttributeContext_Peer | undefined): {
  readonly address: string;
  readonly port: number;
} {
  const at = peer?.address?.address;
  if (at?.case !== 'socketAddress') return { address: '', port: 0 };
  const { address, portSpecifier } = at.value;
  return { address, port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0 };
}

/** URL-encoded PEM, which Envoy gives of a client certificate that it has verified (`include_peer_certificate`). */
function chainOf(encoded: string): readonly Uint8Array[] {
  try {
    const pem = decodeURIComponent(encoded);
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    return blocks.map((block) => new X509Certificate(block).raw);
  } catch {
    return [];
  }
}

/** Envoy applies what is set after what the client sent, and takes away what is removed. */
export function toCheckResponse(ruling: Ruling, asked: AskedRequest): CheckResponse {
  if (!ruling.allowed) {
    const { denied } = ruling;
    return create(CheckResponseSchema, {
      status: { code: denied.status === 401 ? UNAUTHENTICATED : PERMISSION_DENIED, message: denied.code },
      httpResponse: {
        case: 'deniedResponse',
        value: {
          status: { code: denied.status },
          headers: overwriting([...denied.fields, 'content-type', denied.contentType]),
          body: denied.body,
        },
      },
    });
  }
  const set: string[] = [...(ruling.decision?.set ?? [])];
  const names = new Set(set.filter((_, at) => at % 2 === 0));
  const removed = new Set([...(ruling.decision?.removed ?? []), ...ruling.identityNames]);
  const cookies = ruling.decision?.removedCookies ?? [];
  const cookie = cookies.length === 0 ? undefined : fieldOf(asked.fields, 'cookie');
  if (cookie !== undefined) {
    const kept = withoutCookies(cookie, cookies);
    if (kept === '') removed.add('cookie');
    else set.push('cookie', kept);
  }
  return create(CheckResponseSchema, {
    status: { code: OK },
    httpResponse: {
      case: 'okResponse',
      value: {
        headers: overwriting(set),
        headersToRemove: [...removed].filter(
          (name) => !names.has(name) && !name.startsWith(':') && name !== 'host',
        ),
        queryParametersToRemove: [...(ruling.decision?.removedQuery ?? [])],
      },
    },
  });
}

/** A field twice (Set-Cookie, say) is added to the first, which takes the place of the client's. */
function overwriting(fields: Fields): HeaderValueOption[] {
  const seen = new Set<string>();
  const options: HeaderValueOption[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const key = fields[at] ?? '';
    options.push(
      create(HeaderValueOptionSchema, {
        header: { key, value: fields[at + 1] ?? '' },
        appendAction: seen.has(key)
          ? HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD
          : HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
      }),
    );
    seen.add(key);
  }
  return options;
}

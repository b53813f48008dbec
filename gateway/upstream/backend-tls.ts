import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import type { CompiledBackend, GatewaySecrets } from '../../src/policy/model.ts';
import { Recent } from '../tls/recent.ts';

/** How connections to one backend are encrypted, and whom they trust. */
export interface BackendTls {
  /** Equal for equal configurations and secrets: their connections may be shared. */
  readonly id: string;
  /** Sent as SNI; empty for IP addresses (RFC 6066 §3). */
  readonly serverName: string;
  /** @throws Error that says what cannot be read */
  readonly context: () => tls.SecureContext;
  readonly checkServerIdentity: (host: string, certificate: tls.PeerCertificate) => Error | undefined;
}

type Configured = NonNullable<CompiledBackend['tls']>;

/** A context is 38 kB and milliseconds: backends with the same trust share one. */
const CONTEXTS_KEPT = 256;
const contexts = new Recent<tls.SecureContext>(CONTEXTS_KEPT);
let systemRoots: string[] | undefined;

export function backendTls(configured: Configured, secrets: GatewaySecrets): BackendTls {
  const bundles = configured.bundles.map((name) => secrets.bundles[name]);
  const shown =
    configured.clientCertificate === undefined
      ? undefined
      : secrets.certificates[configured.clientCertificate];
  const id = createHash('sha256')
    .update(JSON.stringify([bundles, shown]))
    .digest('base64url');
  const { serverName, subjectAltNames } = configured;
  return {
    id: `${id} ${JSON.stringify([serverName, subjectAltNames])}`,
    serverName: isIP(serverName) === 0 ? serverName : '',
    context: () => {
      const missing = configured.bundles.find((_, at) => bundles[at] === undefined);
      if (missing !== undefined) throw new Error(`CA bundle ${missing} is not there`);
      if (configured.clientCertificate !== undefined && shown === undefined)
        throw new Error(`client certificate ${configured.clientCertificate} is not there`);
      return contexts.getOrMake(id, () =>
        tls.createSecureContext({
          ca: configured.bundles.length === 0 ? roots() : bundles.map((pem) => pem ?? ''),
          ...(shown === undefined ? {} : { cert: shown.certificatePem, key: shown.keyPem }),
          minVersion: 'TLSv1.2',
        }),
      );
    },
    checkServerIdentity: (_host, certificate) => checkIdentity(configured, certificate),
  };
}

/** The chain was verified before; here it is whose certificate it is (Gateway API BackendTLSPolicy `subjectAltNames`). */
function checkIdentity(configured: Configured, certificate: tls.PeerCertificate): Error | undefined {
  const { serverName, subjectAltNames } = configured;
  if (subjectAltNames.length === 0) return tls.checkServerIdentity(serverName, certificate);
  const uris = uriNames(certificate.subjectaltname ?? '');
  for (const name of subjectAltNames) {
    if (name.type === 'uri') {
      if (uris.includes(name.value)) return undefined;
    } else if (tls.checkServerIdentity(name.value, certificate) === undefined) return undefined;
  }
  const wanted = subjectAltNames.map(({ type, value }) => `${type} ${value}`).join(', ');
  return new Error(`the certificate has none of ${wanted}`);
}

/** `DNS:a, URI:spiffe://b`; a value with a comma or a quote is JSON text (Node.js since CVE-2021-44532). */
function uriNames(subjectAltName: string): readonly string[] {
  const found: string[] = [];
  for (const match of subjectAltName.matchAll(/(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/g)) {
    const [, kind, value = ''] = match;
    if (kind !== 'URI') continue;
    if (!value.startsWith('"')) found.push(value);
    else {
      try {
        const text: unknown = JSON.parse(value);
        if (typeof text === 'string') found.push(text);
      } catch {
        // A name that cannot be read is nobody's.
      }
    }
  }
  return found;
}

function roots(): string[] {
  systemRoots ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
  return systemRoots;
}

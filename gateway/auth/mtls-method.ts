import { hash } from 'node:crypto';
import type { AuthenticationMethod, GatewaySecrets } from '../../src/policy/model.ts';
import type { GatewayRequest } from '../request.ts';
import { secretOf } from './asking.ts';
import { type Attempt, FAILURES, isFailure, type Method } from './attempt.ts';
import { certificateFrom, judgeChain, trustAnchors } from './certificate-chain.ts';
import { type CertificateNames, namesOf } from './certificate-names.ts';
import { DOUBTFUL } from './credentials.ts';
import { type Chain, clientCertChain, xfccChain } from './forwarded-certificate.ts';
import type { VerifiedMemories } from './verified-tokens.ts';

type Mtls = Extract<AuthenticationMethod, { type: 'mtls' }>;

/** A chain is verified again after this long. */
const MAX_KEPT_MS = 60_000;

/**
 * The client's certificate: of the connection, or, where the policy names a header, of that header and from trusted proxies only.
 * Synchronous. @throws MissingSecret
 */
export function mtlsMethod(
  method: Mtls,
  rule: string,
  secrets: GatewaySecrets,
  memories: VerifiedMemories,
): Method {
  const bundles = method.bundles.map((key) => secretOf(secrets.bundles, key));
  const anchors = trustAnchors(bundles);
  const known = memories.of(JSON.stringify([rule, method, bundles]));

  const judge = (chain: Chain, request: GatewayRequest): Attempt => {
    const [leaf] = chain;
    if (leaf === undefined) return FAILURES.missing;
    const digest = hash('sha256', Buffer.concat(chain.map((c) => c.raw)), 'base64');
    const before = known.find(digest, request.wallMs, 0);
    if (before !== undefined) return before;
    const verdict = judgeChain(chain, anchors, request.wallMs);
    if (verdict !== 'trusted') return verdict === 'expired' ? FAILURES.expired : FAILURES.invalid;
    const attempt = principalOf(namesOf(leaf), leaf.fingerprint256, method, rule);
    if (!isFailure(attempt)) {
      const endsMs = Math.min(...chain.map((c) => c.validToDate.getTime()));
      known.keep(digest, attempt, Math.min(request.wallMs + MAX_KEPT_MS, endsMs), 0);
    }
    return attempt;
  };

  return {
    attempt(request) {
      const { header } = method;
      if (header === undefined || !request.source.trusted) return judge(connectionChain(request), request);
      // The certificate of this connection is the proxy's own: it says nothing about the client.
      const chain = header === 'client-cert' ? clientCertChain(request.fields) : xfccChain(request.fields);
      if (chain === undefined) return FAILURES.missing;
      return chain === DOUBTFUL ? FAILURES.invalid : judge(chain, request);
    },
  };
}

function connectionChain(request: GatewayRequest): Chain {
  const chain = request.tls?.peerChain() ?? [];
  return chain.map(certificateFrom).filter((certificate) => certificate !== undefined);
}

function principalOf(names: CertificateNames, fingerprint: string, method: Mtls, rule: string): Attempt {
  const { subjects, spiffeIds, dnsNames } = method;
  const { subject, commonName, spiffe, dns } = names;
  if (subjects.length > 0 && !subjects.includes(subject)) return FAILURES.invalid;
  if (spiffeIds.length > 0 && !spiffeIds.some((wanted) => spiffeFits(wanted, spiffe))) {
    return FAILURES.invalid;
  }
  const fitting = dnsNames.length === 0 ? dns : dns.filter((name) => dnsNames.some((w) => dnsFits(w, name)));
  if (dnsNames.length > 0 && fitting.length === 0) return FAILURES.invalid;
  const name = { subject, commonName, spiffe, dns: fitting[0] }[method.principal];
  if (name === undefined || name === '') return FAILURES.invalid;
  return {
    name,
    rule,
    method: 'mtls',
    roles: [],
    scopes: [],
    identity: {
      subject,
      ...(commonName === undefined ? {} : { commonName }),
      ...(spiffe === undefined ? {} : { spiffe }),
      dns,
      fingerprint: fingerprint.replaceAll(':', '').toLowerCase(),
    },
  };
}

/** `spiffe://example.org/ns/shop/*` stands for everything below that path. */
function spiffeFits(wanted: string, id: string | undefined): boolean {
  if (id === undefined) return false;
  return wanted.endsWith('/*')
    ? id.startsWith(wanted.slice(0, -1)) && id.length >= wanted.length
    : id === wanted;
}

/** `*.example.com` stands for one more label. */
function dnsFits(wanted: string, name: string): boolean {
  const pattern = wanted.toLowerCase();
  if (!pattern.startsWith('*.')) return name === pattern;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}

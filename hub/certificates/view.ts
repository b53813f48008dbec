import type { X509Certificate } from 'node:crypto';
import { useSentence } from '../../src/certificates/forecast.ts';
import type { LimitUse } from '../../src/certificates/limits.ts';
import type { CertificateRecord, OrderRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { renewalDue } from '../../src/certificates/renewal.ts';
import { certificateMessage, certificateState, phaseText } from '../../src/certificates/state.ts';
import { readCertificate, splitPem } from '../../src/identity/certificate.ts';
import {
  type CertificateCluster,
  type CertificateDetail,
  type CertificateForecast,
  type CertificateHistory,
  type CertificateOrder,
  type CertificateView,
  type ChainLink,
  REVOCATION_REASONS,
  type RevocationReason,
} from '../api/certificate-services.ts';

interface Entry {
  readonly record: CertificateRecord;
  readonly wanted?: WantedCertificate;
}

/** As a list has it. */
export function certificateView(
  { record, wanted }: Entry,
  clusters: readonly CertificateCluster[],
  nowMs: number,
): CertificateView {
  const { id, policy, current, order } = record;
  const [namespace = '', name = ''] = policy.split('/');
  const cluster = record.cluster ?? wanted?.cluster;
  const message = certificateMessage(record, nowMs);
  return {
    id,
    namespace,
    policy: name,
    dnsNames: current?.names ?? wanted?.names ?? order?.names ?? [],
    state: certificateState(record, nowMs),
    issuer: nameOf(current?.issuer ?? order?.issuer ?? wanted?.issuers[0] ?? ''),
    key: {
      algorithm: current?.key ?? wanted?.key ?? order?.key ?? 'ECDSA-P256',
      location: cluster === undefined ? 'hub' : 'agent',
      ...(cluster === undefined ? {} : { cluster }),
      reuse: wanted?.reuseKey ?? false,
    },
    ...(current === undefined
      ? {}
      : {
          serial: current.serial,
          sha256: current.sha256,
          notBefore: instant(current.notBeforeMs),
          notAfter: instant(current.notAfterMs),
          ...(Number.isFinite(current.renewAtMs) ? { renewAt: instant(current.renewAtMs) } : {}),
        }),
    clusters:
      cluster === undefined
        ? clusters
        : clusters.filter((c) => c.name === cluster || c.name === nameOf(cluster)),
    ...(message === undefined ? {} : { message }),
  };
}

/** Everything that is known of one; never a key. */
export function certificateDetail(
  entry: Entry,
  facts: {
    readonly clusters: readonly CertificateCluster[];
    readonly chainPem: string | undefined;
    /** Whether it is known what policies want. */
    readonly settled: boolean;
    readonly forecast: readonly CertificateForecast[];
    readonly waitsFor: (challengeUrl?: string) => string | undefined;
    readonly nowMs: number;
  },
): CertificateDetail {
  const { record } = entry;
  const { current, order, failures, ari, revoking } = record;
  return {
    ...certificateView(entry, facts.clusters, facts.nowMs),
    chain: chainLinks(facts.chainPem ?? ''),
    ...(order === undefined ? {} : { order: orderView(order, facts.waitsFor) }),
    ...(ari === undefined
      ? {}
      : {
          ari: {
            start: instant(ari.startMs),
            end: instant(ari.endMs),
            ...(ari.explanationUrl === undefined ? {} : { explanationUrl: ari.explanationUrl }),
            nextCheckAt: instant(ari.nextCheckAtMs),
          },
        }),
    renewal: renewalOf(entry, facts.settled),
    forecast: facts.forecast,
    ...(failures === undefined
      ? {}
      : {
          failures: {
            count: failures.count,
            firstAt: instant(failures.firstAtMs),
            lastAt: instant(failures.lastAtMs),
            code: failures.code,
            message: failures.message,
            ...(failures.fix === undefined ? {} : { fix: failures.fix }),
            byIssuer: Object.fromEntries(
              Object.entries(failures.byIssuer).map(([key, count]) => [nameOf(key), count]),
            ),
            nextTryAt: instant(failures.nextTryAtMs),
          },
        }),
    ...(current?.revokedAtMs === undefined ? {} : { revokedAt: instant(current.revokedAtMs) }),
    ...(revoking === undefined
      ? {}
      : {
          revocation: {
            serial: revoking.serial,
            reason: reasonOf(revoking.reason),
            askedAt: instant(revoking.askedAtMs),
          },
        }),
  };
}

/** One limit of a CA, and what the next order would be of it. */
export function forecastView(issuer: string, use: LimitUse): CertificateForecast {
  const { limit, subject, used, allowed, windowMs, fitsAtMs } = use;
  return {
    issuer: nameOf(issuer),
    limit,
    subject,
    used,
    allowed,
    windowSeconds: windowMs / 1000,
    ...(fitsAtMs === undefined ? {} : { fitsAt: instant(fitsAtMs) }),
    text: limit === 'failuresPerName' ? useSentence(use) : `the next order ${useSentence(use)}`,
  };
}

export function historyView({ id, history }: CertificateRecord): CertificateHistory {
  return {
    id,
    items: history.map(({ atMs, event, issuer, names, serial, detail }) => ({
      at: instant(atMs),
      event,
      issuer: nameOf(issuer),
      dnsNames: names,
      ...(serial === undefined ? {} : { serial }),
      ...(detail === undefined ? {} : { detail }),
    })),
  };
}

function orderView(
  order: OrderRecord,
  waitsFor: (challengeUrl?: string) => string | undefined,
): CertificateOrder {
  return {
    phase: order.phase,
    issuer: nameOf(order.issuer),
    dnsNames: order.names,
    startedAt: instant(order.startedAtMs),
    ...(order.url === undefined ? {} : { url: order.url }),
    ...(order.expiresAtMs === undefined ? {} : { expiresAt: instant(order.expiresAtMs) }),
    replaces: order.replaces !== undefined,
    waitsFor: waitsFor() ?? phaseText(order.phase),
    challenges: order.challenges.map(({ name, wildcard, type, challengeUrl }) => ({
      name: wildcard ? `*.${name}` : name,
      type,
      waitsFor: waitsFor(challengeUrl) ?? challengeText(order.phase, type, name),
    })),
  };
}

function challengeText(
  phase: OrderRecord['phase'],
  type: OrderRecord['challenges'][number]['type'],
  name: string,
): string {
  if (phase === 'finalizing') return 'the CA has seen it';
  const what = {
    'dns-01': `TXT at _acme-challenge.${name}`,
    'http-01': `http://${name}/.well-known/acme-challenge/`,
    'tls-alpn-01': `acme-tls/1 at ${name}:443`,
  }[type];
  return phase === 'answered' ? `the CA looks at ${what}` : `${what} to be visible everywhere`;
}

/** When it is renewed, and why then. */
function renewalOf({ record, wanted }: Entry, settled: boolean): CertificateDetail['renewal'] {
  const { current, failures, forced, ari } = record;
  if (wanted === undefined)
    return {
      why: settled
        ? 'no policy wants it any more: it is not renewed'
        : 'not known yet: the hub has just started, and reads what is wanted',
    };
  if (failures !== undefined)
    return {
      at: instant(failures.nextTryAtMs),
      why: `the next try, after ${failures.count === 1 ? 'one' : failures.count} that failed`,
    };
  const { atMs, reason } = renewalDue(wanted, record);
  if (current === undefined) return { why: 'there is none yet: it is ordered as soon as it can be' };
  switch (reason) {
    case 'none':
      return { why: 'it is ordered as soon as it can be' };
    case 'forced':
      return { why: `now: ${forced?.reason ?? 'asked for'}` };
    case 'revoked':
      return { why: 'now: it was revoked' };
    case 'key':
      return { why: `now: the policy wants a key of ${wanted.key}` };
    case 'issuer':
      return {
        ...(atMs === 0 ? {} : { at: instant(atMs) }),
        why: wanted.issuers.includes(current.issuer)
          ? `Issuer ${nameOf(current.issuer)} only stood in for ${nameOf(wanted.issuers[0] ?? '')}`
          : `now: the policy does not name Issuer ${nameOf(current.issuer)} any more`,
      };
    case 'names':
      return { why: `now: its names change (${difference(current.names, wanted.names)})` };
    case 'ari':
      return {
        at: instant(atMs),
        why:
          ari === undefined
            ? 'as the CA suggests'
            : `drawn by its id from the window that the CA suggests, ${instant(ari.startMs)} to ${instant(ari.endMs)}`,
      };
    case 'lifetime': {
      const life = Math.max(1, current.notAfterMs - current.notBeforeMs);
      const left = Math.round((100 * (current.notAfterMs - atMs)) / life);
      return { at: instant(atMs), why: `${left} % of its life is left then` };
    }
  }
}

function difference(before: readonly string[], after: readonly string[]): string {
  return [
    ...after.filter((name) => !before.includes(name)).map((name) => `+${name}`),
    ...before.filter((name) => !after.includes(name)).map((name) => `-${name}`),
  ].join(', ');
}

function chainLinks(pem: string): readonly ChainLink[] {
  return splitPem(pem).flatMap((one) => {
    const certificate = readCertificate(one);
    return certificate === undefined ? [] : [linkOf(certificate)];
  });
}

function linkOf({ subject, issuer, serialNumber, validFromDate, validToDate }: X509Certificate): ChainLink {
  return {
    subject: oneLine(subject),
    issuer: oneLine(issuer),
    serial: serialNumber,
    notBefore: validFromDate.toISOString(),
    notAfter: validToDate.toISOString(),
  };
}

/** Certificates of short life have no subject at all (CA/Browser Forum). */
function oneLine(name: string | undefined): string {
  return name === undefined || name === '' ? '(none)' : name.split('\n').join(', ');
}

const REASON_NAMES = new Map(
  Object.entries(REVOCATION_REASONS).map(([name, code]) => [code as number, name as RevocationReason]),
);

function reasonOf(code: number): RevocationReason {
  return REASON_NAMES.get(code) ?? 'unspecified';
}

function nameOf(key: string): string {
  return key.split('/')[1] ?? key;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

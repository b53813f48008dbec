import { ofThisTime } from '../../src/certificates/failures.ts';
import { forecastSentence } from '../../src/certificates/forecast.ts';
import type { LimitVerdict } from '../../src/certificates/limits.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { sameNames } from '../../src/certificates/names.ts';
import { type ExpiryLevel, expiryLevel } from '../../src/certificates/renewal.ts';
import { certificateMessage, certificateState } from '../../src/certificates/state.ts';
import type { WantedOfPolicy } from '../../src/certificates/wanted.ts';
import type { Resource, StatusOf } from '../../src/resources/catalogue.ts';
import type { CertificatePolicyStatus, CertificateStatus } from '../../src/resources/certificate-policy.ts';
import type { IssuerStatus } from '../../src/resources/issuer.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import { conditions, keyOf } from '../gateways/status-input.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import type { ObjectKey, Objects } from '../reconcile/objects.ts';

type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
type AtCluster = CertificatePolicyStatus['clusters'][number];

/** What is known of certificates, for statuses and metrics. */
export interface CertificatesView {
  /** As it was followed last; undefined: this hub does not lead yet, and writes nothing. */
  readonly policies: ReadonlyMap<ObjectKey, WantedOfPolicy> | undefined;
  record(id: string): CertificateRecord | undefined;
  /** A sentence on what it waits for just now. */
  waitsFor(id: string): string | undefined;
  /** What the next order would be of the limits of the Issuer that would be asked. */
  forecast(wanted: WantedCertificate): LimitVerdict;
  /** What was shown when a cluster was asked from outside; undefined: it was not asked. */
  served?(policy: ObjectKey, cluster: ObjectKey): Pick<AtCluster, 'served' | 'detail'> | undefined;
  issuerStatus(issuer: Resource<'Issuer'>, wallMs: number): IssuerStatus | undefined;
}

export interface CertificateStatusInput {
  readonly certificates: CertificatesView;
  readonly objects: Pick<Objects, 'CertificatePolicy' | 'Issuer'>;
  readonly gateways: ReadonlyMap<ObjectKey, ClusterGateways> | undefined;
  readonly agentOf: (cluster: ObjectKey) => KnownAgent | undefined;
  readonly wallMs: number;
}

type Statuses = readonly (readonly [
  Resource<'CertificatePolicy'> | Resource<'Issuer'>,
  StatusOf<'CertificatePolicy'> | StatusOf<'Issuer'>,
])[];

/** Status of every CertificatePolicy and Issuer; of what nothing is known yet none, so that what is stored stays. */
export function certificateStatuses(input: CertificateStatusInput): Statuses {
  const { certificates, objects, wallMs } = input;
  const found: (readonly [Statuses[number][0], Statuses[number][1]])[] = [];
  for (const issuer of objects.Issuer.values()) {
    const status = certificates.issuerStatus(issuer, wallMs);
    if (status !== undefined) found.push([issuer, status]);
  }
  for (const policy of objects.CertificatePolicy.values()) {
    const wanted = certificates.policies?.get(keyOf(policy));
    if (wanted !== undefined) found.push([policy, policyStatus(policy, wanted, input)]);
  }
  return found;
}

function policyStatus(
  policy: Resource<'CertificatePolicy'>,
  wanted: WantedOfPolicy,
  input: CertificateStatusInput,
): CertificatePolicyStatus {
  const { certificates: view, wallMs } = input;
  const records = wanted.certificates.map((certificate) => ({
    certificate,
    record: view.record(certificate.id),
  }));
  const clusters = wanted.clusters.map((cluster) => clusterStatus(cluster, wanted, input));
  const issued = issuedVerdict(wanted, records, view, wallMs);
  const expiring = expiringVerdict(records, wallMs);
  const delivered = deliveredVerdict(issued, clusters);
  const served = servedVerdict(delivered, clusters);
  return {
    conditions: conditions(
      policy,
      policy.status?.conditions,
      [readyVerdict(issued, delivered, served, expiring), issued, delivered, served, expiring],
      wallMs,
    ),
    observedGeneration: policy.metadata.generation,
    certificates: records.map(({ certificate, record }) =>
      certificateStatus(certificate, record, view, wallMs),
    ),
    clusters,
  };
}

function certificateStatus(
  wanted: WantedCertificate,
  record: CertificateRecord | undefined,
  view: CertificatesView,
  wallMs: number,
): CertificateStatus {
  const current = record?.current;
  const message = messageOf(wanted, record, view, wallMs);
  return {
    id: wanted.id,
    dnsNames: wanted.names,
    ...(wanted.cluster === undefined ? {} : { cluster: shortName(wanted.cluster) }),
    state: certificateState(record, wallMs),
    ...(current === undefined
      ? {}
      : {
          issuer: shortName(current.issuer),
          notBefore: instant(current.notBeforeMs),
          notAfter: instant(current.notAfterMs),
          renewAt: instant(current.renewAtMs),
          sha256: current.sha256,
        }),
    ...(message === undefined ? {} : { message }),
  };
}

/** What it waits for, what went wrong last, and of the next order what it would be of the CA's limits, where that is tight. */
function messageOf(
  wanted: WantedCertificate,
  record: CertificateRecord | undefined,
  view: CertificatesView,
  wallMs: number,
): string | undefined {
  const said = certificateMessage(record, wallMs);
  const plain = ofThisTime(record?.failures, wallMs) === undefined && record?.order === undefined;
  const waits = plain ? view.waitsFor(wanted.id) : undefined;
  const forecast = needsOrder(wanted, record) ? forecastSentence(view.forecast(wanted)) : undefined;
  const sentences = [waits ?? said, forecast === undefined ? undefined : `the next order ${forecast}`];
  const text = sentences.filter((sentence) => sentence !== undefined).join('; ');
  return text === '' ? undefined : text;
}

/** Those that rest need no forecast; of a failing one it says whether waiting helps. */
function needsOrder(wanted: WantedCertificate, record: CertificateRecord | undefined): boolean {
  if (record?.order !== undefined) return false;
  return (
    record?.current === undefined ||
    record.failures !== undefined ||
    record.forced !== undefined ||
    !sameNames(record.current.names, wanted.names)
  );
}

interface Known {
  readonly certificate: WantedCertificate;
  readonly record: CertificateRecord | undefined;
}

function issuedVerdict(
  wanted: WantedOfPolicy,
  known: readonly Known[],
  view: CertificatesView,
  wallMs: number,
): Verdict {
  const failuresOf = (record: CertificateRecord | undefined) => ofThisTime(record?.failures, wallMs);
  const verdict = (status: Verdict['status'], reason: string, message: string): Verdict => ({
    type: 'Issued',
    status,
    reason,
    message,
  });
  const notes = wanted.findings.map(({ message }) => message);
  const error = wanted.findings.find(({ severity }) => severity === 'error');
  const missing = known.filter(({ record }) => record?.current === undefined);
  const [first] = missing;
  if (known.length === 0) {
    const empty = wanted.findings.find(({ reason }) => reason === 'NoNames') ?? error;
    const reason = empty?.reason ?? (wanted.clusters.length === 0 ? 'NotServed' : 'NoNames');
    return verdict('False', reason, shortened(notes) || 'it wants no certificate');
  }
  if (first !== undefined) {
    const failing = missing.find(({ record }) => failuresOf(record) !== undefined) ?? first;
    const why = messageOf(failing.certificate, failing.record, view, wallMs) ?? 'to be ordered';
    return verdict(
      'False',
      failuresOf(failing.record)?.code ?? error?.reason ?? 'Ordering',
      `${known.length - missing.length} of ${known.length} certificates are issued; ${failing.certificate.id}: ${why}`,
    );
  }
  const counted =
    known.length === 1 ? 'the certificate is issued' : `all ${known.length} certificates are issued`;
  if (error !== undefined) return verdict('True', error.reason, shortened([counted, ...notes]));
  const failing = known.find(({ record }) => failuresOf(record) !== undefined)?.record;
  if (failing !== undefined)
    return verdict(
      'True',
      'RenewalFails',
      shortened([counted, `${failing.id}: ${certificateMessage(failing, wallMs) ?? ''}`]),
    );
  return verdict('True', 'Issued', shortened([counted, ...notes]));
}

const LEVELS: readonly ExpiryLevel[] = ['none', 'soon', 'urgent', 'expired'];

function expiringVerdict(known: readonly Known[], wallMs: number): Verdict {
  let worst:
    | { readonly level: ExpiryLevel; readonly record: CertificateRecord; readonly endMs: number }
    | undefined;
  for (const { record } of known) {
    if (record?.current === undefined) continue;
    const level = expiryLevel(record.current, wallMs);
    if (LEVELS.indexOf(level) > LEVELS.indexOf(worst?.level ?? 'none'))
      worst = { level, record, endMs: record.current.notAfterMs };
  }
  if (worst === undefined)
    return {
      type: 'ExpiringSoon',
      status: 'False',
      reason: 'InTime',
      message: 'no certificate ends before it should have been renewed',
    };
  const { level, record, endMs } = worst;
  const [reason, words] =
    level === 'expired' ? ['Expired', 'ended'] : [level === 'urgent' ? 'Urgent' : 'Soon', 'ends'];
  return {
    type: 'ExpiringSoon',
    status: 'True',
    reason,
    message: shortened([
      `${record.id} ${words} on ${instant(endMs)}`,
      certificateMessage(record, wallMs) ?? 'it should have been renewed',
    ]),
  };
}

function clusterStatus(cluster: ObjectKey, wanted: WantedOfPolicy, input: CertificateStatusInput): AtCluster {
  const { certificates: view, gateways, agentOf } = input;
  const name = shortName(cluster);
  const ids = wanted.certificates
    .filter((w) => (w.cluster ?? cluster) === cluster && view.record(w.id)?.current !== undefined)
    .map(({ id }) => id);
  const compiled = gateways?.get(cluster);
  const sent = new Set(compiled?.secrets.sets?.[`certificatepolicy/${wanted.policy}`] ?? []);
  const agent = agentOf(cluster);
  const no = (detail: string): AtCluster => ({ name, delivered: false, served: 'pending', detail });
  if (agent === undefined) return no('no agent has joined');
  if (ids.length === 0) return no('nothing is issued yet');
  if (compiled === undefined || ids.some((id) => !sent.has(id))) return no('it is not sent yet');
  if (agent.refused !== undefined) return no(`the agent refused it: ${agent.refused}`);
  if (agent.applied?.gateway !== compiled.digest)
    return no(agent.connected ? 'the agent has not confirmed it yet' : 'the agent has no connection');
  const served = view.served?.(wanted.policy, cluster);
  return {
    name,
    delivered: true,
    served: served?.served ?? 'pending',
    ...(served?.detail === undefined ? {} : { detail: served.detail }),
  };
}

function deliveredVerdict(issued: Verdict, clusters: readonly AtCluster[]): Verdict {
  const done = clusters.filter(({ delivered }) => delivered);
  const [missing] = clusters.filter(({ delivered }) => !delivered);
  const type = 'Delivered';
  if (clusters.length === 0)
    return {
      type,
      status: 'False',
      reason: 'NoClusters',
      message: 'no cluster gets it: no listener names it, and `clusters` selects none',
    };
  if (missing !== undefined)
    return {
      type,
      status: 'False',
      reason: issued.status === 'True' ? 'Pending' : 'NotIssued',
      message: `${done.length} of ${clusters.length} clusters have it; ${missing.name}: ${missing.detail ?? ''}`,
    };
  return {
    type,
    status: 'True',
    reason: 'Delivered',
    message: `on ${shortened(
      done.map(({ name }) => name),
      ', ',
    )}`,
  };
}

function servedVerdict(delivered: Verdict, clusters: readonly AtCluster[]): Verdict {
  const type = 'Served';
  const wrong = clusters.find(({ served }) => served === 'no');
  if (wrong !== undefined)
    return {
      type,
      status: 'False',
      reason: 'OtherCertificate',
      message: `${wrong.name}: ${wrong.detail ?? 'shows another certificate'}`,
    };
  if (delivered.status !== 'True')
    return { type, status: 'False', reason: delivered.reason, message: delivered.message };
  const seen = clusters.filter(({ served }) => served === 'yes');
  const asked = clusters.filter(({ served }) => served !== 'off');
  if (asked.length === 0)
    return {
      type,
      status: 'Unknown',
      reason: 'NotAsked',
      message: 'no listener that can be asked from outside shows it',
    };
  if (seen.length < asked.length)
    return {
      type,
      status: 'Unknown',
      reason: 'Pending',
      message: `${seen.length} of ${asked.length} clusters were seen to show it; the others were not asked yet`,
    };
  return {
    type,
    status: 'True',
    reason: 'Served',
    message: `seen on ${shortened(
      seen.map(({ name }) => name),
      ', ',
    )}`,
  };
}

/** Clusters have valid certificates; what nobody could ask from outside does not make it unready. */
function readyVerdict(issued: Verdict, delivered: Verdict, served: Verdict, expiring: Verdict): Verdict {
  const type = 'Ready';
  if (expiring.reason === 'Expired')
    return { type, status: 'False', reason: 'Expired', message: expiring.message };
  for (const each of [issued, delivered, served])
    if (each.status === 'False') return { type, status: 'False', reason: each.reason, message: each.message };
  return { type, status: 'True', reason: 'Ready', message: delivered.message };
}

const SHOWN = 5;

function shortened(texts: readonly string[], separator = '; '): string {
  const shown = texts.slice(0, SHOWN).join(separator);
  return texts.length > SHOWN ? `${shown}${separator}and ${texts.length - SHOWN} more` : shown;
}

function shortName(key: ObjectKey): string {
  return key.slice(key.indexOf('/') + 1);
}

function instant(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : 'never';
}

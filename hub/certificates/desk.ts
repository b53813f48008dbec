import { isTight, useSentence } from '../../src/certificates/forecast.ts';
import type { LimitUse } from '../../src/certificates/limits.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { CertificatePolicySpec } from '../../src/resources/certificate-policy.ts';
import type { IssuerSpec } from '../../src/resources/issuer.ts';
import type {
  CertificateCluster,
  CertificateDetail,
  CertificateRenewal,
  CertificateServices,
} from '../api/certificate-services.ts';
import { REVOCATION_REASONS } from '../api/certificate-services.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { Actor } from '../store/contract.ts';
import { createTrials, type TrialRun } from './trials.ts';
import { certificateDetail, certificateView, forecastView, historyView } from './view.ts';

/** A certificate that is wanted, or that was and still has a record. */
export interface CertificateEntry {
  /** Before anything was done for it: one without `current`, `order` and history. */
  readonly record: CertificateRecord;
  /** Absent: no policy wants it any more. */
  readonly wanted?: WantedCertificate;
}

/** What the desk needs of those who drive certificates. */
export interface DeskPorts {
  entries(): Iterable<CertificateEntry>;
  /** Whether it is known what policies want; false in the first moments of a hub, and then no entry is `wanted`. */
  settled(): boolean;
  find(id: string): CertificateEntry | undefined;
  /** What is served, leaf first, PEM. */
  chainPem(id: string): Promise<string | undefined>;
  /** What an order waits for just now, where more is known than its phase; `challengeUrl`: of one challenge. */
  waitsFor?(id: string, challengeUrl?: string): string | undefined;
  /** What an order at this Issuer would be of its limits; empty: none are known. */
  forecast(wanted: WantedCertificate, issuer: ObjectKey): readonly LimitUse[];
  clusters(policy: ObjectKey): readonly CertificateCluster[];
  issuer(key: ObjectKey): IssuerSpec | undefined;
  policy(key: ObjectKey): CertificatePolicySpec | undefined;
  /** Saves `forced`, lets a back-off end, and wakes the driver; audited as `certificate.renew`. Durable when this resolves. */
  force(
    id: string,
    options: { readonly reason: string; readonly overLimits: boolean },
    actor: Actor,
  ): Promise<void>;
  /** Saves `revoking` (and `forced` where a replacement comes first) and wakes the driver; audited as `certificate.revoke`. */
  revoke(
    id: string,
    options: { readonly reason: number; readonly words: string; readonly afterReplacement: boolean },
    actor: Actor,
  ): Promise<void>;
  /**
   * A real order for one certificate at this directory, with an account of its own there; what comes is thrown away. Touches nothing of the
   * certificate that is served, and counts for no limit of the real directory.
   */
  try: TrialRun;
  readonly wallMs: () => number;
}

/** What people ask about certificates and tell them to do. */
export function createCertificateDesk(ports: DeskPorts): CertificateServices {
  const { wallMs } = ports;
  const trials = createTrials({ run: ports.try, wallMs });

  function found(namespace: string, id: string): CertificateEntry {
    const entry = ports.find(id);
    if (entry === undefined) assertSettled();
    if (entry === undefined || namespaceOf(entry) !== namespace)
      throw new PortolanError(
        'CERTIFICATE_NOT_FOUND',
        `there is no certificate ${id} in namespace ${namespace}`,
      );
    return entry;
  }

  /** Before it says that nothing wants a certificate. */
  function assertSettled(): void {
    if (!ports.settled())
      throw new PortolanError('NOT_READY', 'the hub does not know yet which certificates are wanted');
  }

  async function detail(entry: CertificateEntry): Promise<CertificateDetail> {
    const { record, wanted } = entry;
    const first = wanted?.issuers[0];
    return certificateDetail(entry, {
      clusters: ports.clusters(record.policy),
      chainPem: record.current === undefined ? undefined : await ports.chainPem(record.id),
      settled: ports.settled(),
      forecast:
        wanted === undefined || first === undefined
          ? []
          : ports.forecast(wanted, first).map((use) => forecastView(first, use)),
      waitsFor: (challengeUrl) => ports.waitsFor?.(record.id, challengeUrl),
      nowMs: wallMs(),
    });
  }

  async function renewal(entry: CertificateEntry, message: string, warnings: readonly string[]) {
    const now = ports.find(entry.record.id) ?? entry;
    return { certificate: await detail(now), message, warnings } satisfies CertificateRenewal;
  }

  return {
    async list({ namespaces, policy }) {
      const nowMs = wallMs();
      return [...ports.entries()]
        .filter((entry) => namespaces?.includes(namespaceOf(entry)) ?? true)
        .map((entry) => certificateView(entry, ports.clusters(entry.record.policy), nowMs))
        .filter((view) => policy === undefined || view.policy === policy)
        .sort(
          (a, b) => compare(a.namespace, b.namespace) || compare(a.policy, b.policy) || compare(a.id, b.id),
        );
    },

    describe: async (namespace, id) => detail(found(namespace, id)),

    history: async (namespace, id) => historyView(found(namespace, id).record),

    async chain(namespace, id) {
      const { record } = found(namespace, id);
      const pem = record.current === undefined ? undefined : await ports.chainPem(id);
      if (pem === undefined)
        throw new PortolanError('CERTIFICATE_NOT_FOUND', `${id} was not issued yet`, {
          fix: `\`portolan cert describe ${id}\` says what it waits for.`,
        });
      return pem;
    },

    async renew(namespace, id, { dryRun, force, reason }, actor) {
      const entry = found(namespace, id);
      const { wanted, record } = entry;
      if (wanted === undefined) assertSettled();
      if (wanted === undefined)
        throw new PortolanError('CONFLICT', `no CertificatePolicy wants ${id} any more`, {
          fix: 'Name its names in a CertificatePolicy again.',
        });
      const { issuer, warnings, refusal } = chooseIssuer(wanted, ports);
      if (refusal !== undefined && !force && !dryRun) throw refusal;
      if (record.order !== undefined) warnings.push('an order is under way already; it goes on');
      const order = `another certificate for ${wanted.names.join(', ')} from ${nameOf(issuer)}`;
      if (dryRun)
        return renewal(
          entry,
          refusal === undefined || force ? `would order ${order}` : `would be refused: ${refusal.message}`,
          refusal === undefined || force ? warnings : [],
        );
      await ports.force(
        id,
        { reason: reason ?? 'renewed by hand', overLimits: force && refusal !== undefined },
        actor,
      );
      return renewal(entry, `orders ${order}; what is served stays until it is there`, warnings);
    },

    async revoke(namespace, id, { dryRun, force, reason }, actor) {
      const entry = found(namespace, id);
      const { wanted, record } = entry;
      const { current } = record;
      if (current === undefined)
        throw new PortolanError(
          'CERTIFICATE_NOT_FOUND',
          `${id} was not issued yet: nothing is to be revoked`,
        );
      if (current.revokedAtMs !== undefined)
        return renewal(entry, `it was revoked on ${new Date(current.revokedAtMs).toISOString()} already`, []);
      const name = nameOf(current.issuer);
      const issuer = ports.issuer(current.issuer);
      if (issuer?.acme === undefined)
        throw new PortolanError(
          'ISSUER_REFUSED',
          issuer === undefined
            ? `Issuer ${current.issuer}, which gave ${id}, does not exist any more`
            : `Issuer ${name} is the internal CA, which keeps no list of what is revoked`,
          {
            fix:
              issuer === undefined
                ? `Create Issuer ${name} again with the same account, or revoke it with the key at the CA's own tools.`
                : `${wanted?.reuseKey === true ? 'Set `key.reuse: false` in the policy, as the next one has the same key otherwise, and replace it by' : 'Replace it by'} \`portolan cert renew ${id}\`; the old one is of no use once its key is gone.`,
          },
        );
      if (wanted === undefined && !force) assertSettled();
      if (wanted === undefined && !force)
        throw new PortolanError(
          'CONFLICT',
          `no CertificatePolicy wants ${id} any more, so nothing replaces it`,
          {
            fix: 'Add --force --reason "…" to revoke it although a gateway may still serve it.',
          },
        );
      const warnings: string[] =
        force && record.order === undefined && wanted !== undefined
          ? ['it is served until its replacement is there; clients that check revocation refuse it meanwhile']
          : [];
      const waits = wanted === undefined || force ? undefined : chooseIssuer(wanted, ports).refusal;
      if (waits !== undefined) warnings.push(`its replacement waits: ${waits.message}`);
      const then = force ? 'at once' : 'once its replacement is there';
      if (dryRun) return renewal(entry, `would be revoked at ${name} (${reason}) ${then}`, warnings);
      await ports.revoke(
        id,
        { reason: REVOCATION_REASONS[reason], words: reason, afterReplacement: !force },
        actor,
      );
      return renewal(entry, `is revoked at ${name} (${reason}) ${then}`, warnings);
    },

    async try(namespace, policy, { issuer: wantedIssuer }) {
      const key = `${namespace}/${policy}`;
      const spec = ports.policy(key);
      if (spec === undefined)
        throw new PortolanError(
          'NOT_FOUND',
          `there is no CertificatePolicy ${policy} in namespace ${namespace}`,
          {
            fix: `List them with \`portolan get certificatepolicies -n ${namespace}\`.`,
          },
        );
      const name = wantedIssuer ?? spec.issuers[0] ?? '';
      const issuer = ports.issuer(`${namespace}/${name}`);
      if (issuer === undefined)
        throw new PortolanError('NOT_FOUND', `there is no Issuer ${name} in namespace ${namespace}`, {
          fix: `Create it, or name another one in spec.issuers of CertificatePolicy ${policy}.`,
        });
      const directory = stagingOf(issuer);
      if (directory === undefined)
        throw new PortolanError(
          'VALIDATION_FAILED',
          `Issuer ${name} has no staging directory, so nothing can be tried there`,
          {
            fix:
              issuer.acme === undefined
                ? 'The internal CA needs no trial: apply the policy.'
                : "Set spec.acme.staging to the CA's directory for tests.",
          },
        );
      const certificates = [...ports.entries()].flatMap(({ wanted }) =>
        wanted !== undefined && wanted.policy === key ? [wanted] : [],
      );
      if (certificates.length === 0) assertSettled();
      if (certificates.length === 0)
        throw new PortolanError('VALIDATION_FAILED', `CertificatePolicy ${policy} wants no certificate yet`, {
          fix: 'Give it spec.dnsNames, or let a listener name it in tls.certificateRefs.',
        });
      return trials.begin(key, {
        policy,
        issuer: name,
        issuerKey: `${namespace}/${name}`,
        directory,
        certificates,
      });
    },

    async trial(namespace, policy) {
      const trial = trials.of(`${namespace}/${policy}`);
      if (trial === undefined)
        throw new PortolanError('NOT_FOUND', `CertificatePolicy ${policy} was not tried in the last hour`, {
          fix: `Begin with \`portolan cert try ${policy} -n ${namespace}\`.`,
        });
      return trial;
    },
  };
}

/** The first Issuer whose limits leave room; where none has any the first, and why that is refused. */
function chooseIssuer(
  wanted: WantedCertificate,
  { forecast }: Pick<DeskPorts, 'forecast'>,
): { readonly issuer: ObjectKey; readonly warnings: string[]; readonly refusal?: PortolanError } {
  const warnings: string[] = [];
  for (const issuer of wanted.issuers) {
    const limits = forecast(wanted, issuer);
    const full = limits.filter(({ fitsAtMs }) => fitsAtMs !== undefined);
    if (full.length === 0) {
      const tight = limits.filter(isTight).map((use) => `this order ${useSentence(use)}`);
      return { issuer, warnings: [...warnings, ...tight] };
    }
    warnings.push(...full.map((use) => `Issuer ${nameOf(issuer)}: this order ${useSentence(use)}`));
  }
  const refusal = new PortolanError('ISSUER_RATE_LIMITED', warnings.join('; '), {
    fix: 'Wait until then, add another Issuer to the policy, or add --force --reason "…" to ask the CA all the same.',
  });
  return { issuer: wanted.issuers[0] ?? '', warnings, refusal };
}

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
const LETS_ENCRYPT_STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory';

/** Where an Issuer can be tried; undefined: nowhere. */
export function stagingOf({ acme }: IssuerSpec): string | undefined {
  return acme?.staging ?? (acme?.directory === LETS_ENCRYPT ? LETS_ENCRYPT_STAGING : undefined);
}

function namespaceOf({ record }: CertificateEntry): string {
  return record.policy.split('/')[0] ?? '';
}

function nameOf(key: ObjectKey): string {
  return key.split('/')[1] ?? key;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A hub that has none, and gets none. */
export const NO_CERTIFICATES: DeskPorts = {
  entries: () => [],
  settled: () => true,
  find: () => undefined,
  chainPem: async () => undefined,
  forecast: () => [],
  clusters: () => [],
  issuer: () => undefined,
  policy: () => undefined,
  force: async () => undefined,
  revoke: async () => undefined,
  try: async () => undefined,
  wallMs: Date.now,
};

import { isTight } from '../../src/certificates/forecast.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { expiryLevel } from '../../src/certificates/renewal.ts';
import { certificateState } from '../../src/certificates/state.ts';
import type { Family } from '../providers/metrics.ts';
import type { CertificateNews } from './parts.ts';
import type { CertificatesView } from './statuses.ts';

/** Counts what happened since this hub was started. Bounded: by Issuers, and by codes of the error table. */
export interface CertificateCounts {
  readonly news: CertificateNews;
  /** `issuer result` → how often; result is `issued` or `failed`. */
  readonly orders: ReadonlyMap<string, number>;
  /** `issuer code` → how often. */
  readonly failures: ReadonlyMap<string, number>;
  readonly revoked: number;
  /** Time that issued orders took, all together. */
  readonly issuedMs: number;
}

/** @param then is told after it was counted */
export function createCertificateCounts(then: CertificateNews = {}): CertificateCounts {
  const orders = new Map<string, number>();
  const failures = new Map<string, number>();
  let revoked = 0;
  let issuedMs = 0;
  return {
    orders,
    failures,
    get revoked() {
      return revoked;
    },
    get issuedMs() {
      return issuedMs;
    },
    news: {
      issued(wanted, record, tookMs) {
        add(orders, `${record.current?.issuer ?? wanted.issuers[0] ?? ''} issued`);
        issuedMs += tookMs;
        then.issued?.(wanted, record, tookMs);
      },
      failed(wanted, record, failure) {
        add(orders, `${failure.issuer} failed`);
        add(failures, `${failure.issuer} ${failure.code}`);
        then.failed?.(wanted, record, failure);
      },
      revoked(record) {
        revoked += 1;
        then.revoked?.(record);
      },
    },
  };
}

/** One series a policy, not one a certificate: ten thousand certificates of one policy are one line. */
export function certificateMetrics(
  certificates: {
    readonly view: CertificatesView;
    readonly counts: CertificateCounts;
    readonly wallMs: () => number;
  },
  gauge: Family,
  counter: Family,
): void {
  const { view, counts, wallMs } = certificates;
  const each = (
    see: (
      policy: string,
      known: readonly {
        readonly wanted: WantedCertificate;
        readonly record: CertificateRecord | undefined;
      }[],
    ) => void,
  ): void => {
    for (const [policy, { certificates: list }] of view.policies ?? [])
      see(
        policy,
        list.map((wanted) => ({ wanted, record: view.record(wanted.id) })),
      );
  };
  gauge(
    'portolan_certificate_expiry_timestamp_seconds',
    'When the first certificate of a policy that is served ends, in seconds since 1970',
    ['namespace', 'policy'],
    (set) =>
      each((policy, known) => {
        const ends = known.flatMap(({ record }) => record?.current?.notAfterMs ?? []);
        if (ends.length > 0) set(labelsOf(policy), least(ends) / 1000);
      }),
  );
  gauge(
    'portolan_certificate_renew_at',
    'When the next certificate of a policy is to be renewed, in seconds since 1970',
    ['namespace', 'policy'],
    (set) =>
      each((policy, known) => {
        const ends = known.flatMap(({ record }) => record?.current?.renewAtMs ?? []);
        if (ends.length > 0) set(labelsOf(policy), least(ends) / 1000);
      }),
  );
  gauge(
    'portolan_certificates',
    'Certificates that policies want, by state: waiting, ordering, valid, expiring, expired, failing',
    ['state'],
    (set) => {
      const states = new Map<string, number>();
      const nowMs = wallMs();
      each((_, known) => {
        for (const { record } of known) add(states, certificateState(record, nowMs));
      });
      for (const [state, count] of states) set({ state }, count);
    },
  );
  gauge(
    'portolan_certificate_warnings',
    'Certificates that end before they should have been renewed: soon (21 days, less of shorter lives), urgent (7 days), expired',
    ['level'],
    (set) => {
      const levels = { soon: 0, urgent: 0, expired: 0 };
      const nowMs = wallMs();
      each((_, known) => {
        for (const { record } of known) {
          const level = record?.current === undefined ? 'none' : expiryLevel(record.current, nowMs);
          if (level !== 'none') levels[level] += 1;
        }
      });
      for (const [level, count] of Object.entries(levels)) set({ level }, count);
    },
  );
  gauge(
    'portolan_certificate_orders_held',
    'Certificates whose next order waits for room in a limit of the CA, by limit, and those that nearly use one up',
    ['limit', 'room'],
    (set) => {
      const held = new Map<string, number>();
      each((_, known) => {
        for (const { wanted, record } of known) {
          if (record?.current !== undefined && record.forced === undefined && record.failures === undefined)
            continue;
          const [use] = view.forecast(wanted).uses;
          if (use?.fitsAtMs !== undefined) add(held, `${use.limit} none`);
          else if (use !== undefined && isTight(use)) add(held, `${use.limit} little`);
        }
      });
      for (const [key, count] of held) {
        const [limit = '', room = ''] = key.split(' ');
        set({ limit, room }, count);
      }
    },
  );
  counter(
    'portolan_certificate_orders_total',
    'Orders of certificates that are over',
    ['namespace', 'issuer', 'result'],
    (set) => {
      for (const [key, count] of counts.orders) {
        const [issuer = '', result = ''] = key.split(' ');
        const [namespace = '', name = ''] = issuer.split('/');
        set({ namespace, issuer: name, result }, count);
      }
    },
  );
  counter(
    'portolan_certificate_failures_total',
    'Tries for certificates that failed, by code of the error table',
    ['namespace', 'issuer', 'code'],
    (set) => {
      for (const [key, count] of counts.failures) {
        const [issuer = '', code = ''] = key.split(' ');
        const [namespace = '', name = ''] = issuer.split('/');
        set({ namespace, issuer: name, code }, count);
      }
    },
  );
  counter(
    'portolan_certificate_order_seconds_total',
    'Time from the beginning of orders to their certificates',
    [],
    (set) => set({}, counts.issuedMs / 1000),
  );
  counter('portolan_certificates_revoked_total', 'Certificates that were revoked', [], (set) =>
    set({}, counts.revoked),
  );
}

function labelsOf(policy: string): { readonly namespace: string; readonly policy: string } {
  const [namespace = '', name = ''] = policy.split('/');
  return { namespace, policy: name };
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b));
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

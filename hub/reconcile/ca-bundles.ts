import { PortolanError } from '../../src/errors/error.ts';
import type { Target } from '../../src/health/types.ts';
import type { Store } from '../store/contract.ts';

/**
 * CA certificates that checks name by `caSecret`. Only what is a PEM certificate leaves the store: it is public by nature,
 * so it may go into probes and snapshots, which no other secret value ever does.
 */
export interface CaBundles {
  /** Reads the bundles of these targets; keeps the last good one when the store does not answer. */
  refresh(targets: Iterable<Target>): Promise<void>;
  of(target: Target): string | undefined;
  /** By `namespace/secret/key`. */
  readonly all: Readonly<Record<string, string>>;
}

const CERTIFICATES = /^(?:\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)+\s*$/;

/** `namespace/secret/key` of the bundle a target's check names. */
export function bundleKeyOf(target: Pick<Target, 'cluster' | 'check'>): string | undefined {
  const { check } = target;
  if (!('caSecret' in check) || check.caSecret === undefined) return undefined;
  const [namespace = ''] = target.cluster.split('/');
  return `${namespace}/${check.caSecret.name}/${check.caSecret.key}`;
}

export function createCaBundles(store: Pick<Store, 'secretData'>): CaBundles {
  let bundles: Readonly<Record<string, string>> = {};
  return {
    async refresh(targets) {
      const next: Record<string, string> = {};
      for (const target of targets) {
        const key = bundleKeyOf(target);
        if (key === undefined || key in next) continue;
        const [namespace = '', name = '', field = ''] = key.split('/');
        try {
          const value = (await store.secretData({ kind: 'Secret', namespace, name }))?.[field];
          if (value !== undefined && CERTIFICATES.test(value)) next[key] = value;
        } catch (thrown) {
          const error = PortolanError.from(thrown);
          const last = bundles[key];
          if (error.code !== 'STORE_UNAVAILABLE' || last === undefined) throw error;
          next[key] = last;
        }
      }
      bundles = next;
    },
    of(target) {
      const key = bundleKeyOf(target);
      return key === undefined ? undefined : bundles[key];
    },
    get all() {
      return bundles;
    },
  };
}

import { PortolanError } from '../../src/errors/error.ts';
import { splitPem } from '../../src/identity/certificate.ts';
import type { CompiledGateways } from '../../src/policy/compile-contract.ts';
import type { GatewaySecrets } from '../../src/policy/model.ts';
import type { CertificateDelivery } from '../certificates/delivery.ts';
import type { ObjectKey, Objects } from '../reconcile/objects.ts';
import type { Store } from '../store/contract.ts';
import { pairProblem } from './certificate-pair.ts';
import type { DevelopmentCa } from './development-ca.ts';

/** Peppers of API keys for a cluster, by its uid; base64 (`src/identity/api-key.ts`). */
export type Peppers = (clusterUid: string) => Promise<NonNullable<GatewaySecrets['peppers']>>;

/** What a cluster's gateways get besides their public part, and what of it cannot be had. */
export interface ResolvedSecrets {
  readonly secrets: GatewaySecrets;
  /** Reference (as in `SecretRefs`) → what is wrong with it. */
  readonly problems: ReadonlyMap<string, string>;
  /** Reference to a CertificatePolicy (as in `SecretRefs.policies`) → what it waits for: nothing is wrong with it. */
  readonly waiting: ReadonlyMap<string, string>;
}

export interface SecretValues {
  /**
   * Reads what the references name; values that did not change are not read again.
   * @throws PortolanError STORE_UNAVAILABLE
   */
  resolve(
    own: Pick<CompiledGateways, 'secretRefs' | 'part'>,
    cluster: ObjectKey,
    objects: Pick<Objects, 'Secret' | 'Cluster' | 'CertificatePolicy'>,
  ): Promise<ResolvedSecrets>;
  /** After a pass over all clusters: forgets values of Secrets that are no more, and certificates that no cluster got. */
  forgetGone(objects: Pick<Objects, 'Secret'>): void;
}

interface Read {
  /** uid and generation. */
  readonly of: string;
  readonly values: Readonly<Record<string, string>>;
}

export function createSecretValues(options: {
  readonly store: Pick<Store, 'secretData'>;
  readonly developmentCa: DevelopmentCa;
  readonly peppers?: Peppers | undefined;
  readonly delivery?: CertificateDelivery | undefined;
}): SecretValues {
  const { store, developmentCa, peppers, delivery } = options;
  const read = new Map<ObjectKey, Read>();

  async function valuesOf(
    key: ObjectKey,
    objects: Pick<Objects, 'Secret'>,
  ): Promise<Readonly<Record<string, string>> | undefined> {
    const metadata = objects.Secret.get(key)?.metadata;
    if (metadata === undefined) return undefined;
    const of = `${metadata.uid}.${metadata.generation}`;
    const known = read.get(key);
    if (known?.of === of) return known.values;
    const { namespace, name } = metadata;
    const values = await store.secretData({ kind: 'Secret', namespace, name }).catch((thrown: unknown) => {
      const error = PortolanError.from(thrown);
      if (error.code === 'NOT_FOUND') return undefined;
      throw error;
    });
    if (values === undefined) return undefined;
    read.set(key, { of, values });
    return values;
  }

  return {
    async resolve({ secretRefs: refs, part }, cluster, objects) {
      const problems = new Map<string, string>();
      const certificates: Record<string, GatewaySecrets['certificates'][string]> = {};
      for (const ref of refs.certificates) {
        const values = await valuesOf(ref, objects);
        const certificatePem = values?.['tls.crt'];
        const keyPem = values?.['tls.key'];
        if (values === undefined) problems.set(ref, `Secret ${ref} does not exist`);
        else if (certificatePem === undefined || keyPem === undefined)
          problems.set(ref, `Secret ${ref} lacks ${certificatePem === undefined ? 'tls.crt' : 'tls.key'}`);
        else {
          const problem = pairProblem(certificatePem, keyPem);
          if (problem === undefined) certificates[ref] = { certificatePem, keyPem };
          else
            problems.set(
              ref,
              `${problem.at === 'key' ? 'tls.key' : 'tls.crt'} of Secret ${ref} ${problem.message}`,
            );
        }
      }
      for (const [key, dnsNames] of Object.entries(refs.internal))
        certificates[key] = await developmentCa.certificate(key, dnsNames);
      const delivered = await delivery?.deliver(refs.policies, cluster, part, objects);
      Object.assign(certificates, delivered?.certificates);
      const bundles: Record<string, string> = {};
      for (const ref of refs.bundles) {
        const value = await single(ref, objects, problems);
        if (value === undefined) continue;
        // Only certificates go out, whatever else somebody put beside them.
        const certificatesOnly = splitPem(value).join('');
        if (certificatesOnly === '') problems.set(ref, `${ref} has no PEM certificate`);
        else bundles[ref] = certificatesOnly;
      }
      const values: Record<string, string> = {};
      for (const ref of refs.values) {
        const value = await single(ref, objects, problems);
        if (value !== undefined) values[ref] = value;
      }
      const uid = refs.peppers ? objects.Cluster.get(cluster)?.metadata.uid : undefined;
      const own = uid === undefined ? undefined : await peppers?.(uid);
      return {
        secrets: {
          certificates,
          bundles,
          values,
          ...(own === undefined ? {} : { peppers: own }),
          ...delivered?.rest,
        },
        problems,
        waiting: delivered?.waiting ?? new Map(),
      };
    },
    forgetGone(objects) {
      for (const key of [...read.keys()]) if (!objects.Secret.has(key)) read.delete(key);
      delivery?.forgetUnused();
    },
  };

  /** A value by `namespace/secret/key`. */
  async function single(
    ref: string,
    objects: Pick<Objects, 'Secret'>,
    problems: Map<string, string>,
  ): Promise<string | undefined> {
    const [namespace = '', name = '', ...field] = ref.split('/');
    const values = await valuesOf(`${namespace}/${name}`, objects);
    const value = values?.[field.join('/')];
    if (values === undefined) problems.set(ref, `Secret ${namespace}/${name} does not exist`);
    else if (value === undefined) problems.set(ref, `Secret ${namespace}/${name} has no ${field.join('/')}`);
    return value;
  }
}

import type { SecretRefs } from './compile-contract.ts';

/** Collects the Secrets that a part names while it is compiled; the hub fills `GatewaySecrets` with them, and with nothing else. */
export class SecretRefBook {
  readonly #certificates = new Set<string>();
  readonly #policies = new Set<string>();
  readonly #bundles = new Set<string>();
  readonly #values = new Set<string>();
  readonly #internal = new Map<string, readonly string[]>();
  #peppers = false;

  /** `tls.crt` and `tls.key` of a Secret. */
  certificate(namespace: string, secret: string): string {
    return added(this.#certificates, `${namespace}/${secret}`);
  }
  /** `tls.crt` and `tls.key` of a Secret in the cluster, which its agent puts in: the hub never has them. */
  clusterCertificate(namespace: string, secret: string): string {
    return `kubernetes/${namespace}/${secret}`;
  }
  /** PEM of authorities in a Secret of the cluster. */
  clusterBundle(namespace: string, ref: { readonly name: string; readonly key: string }): string {
    return `kubernetes/${namespace}/${ref.name}/${ref.key}`;
  }
  /** Whatever certificates a CertificatePolicy has. */
  certificatePolicy(namespace: string, name: string): string {
    return added(this.#policies, `certificatepolicy/${namespace}/${name}`);
  }
  /** PEM of authorities. */
  bundle(namespace: string, ref: { readonly name: string; readonly key: string }): string {
    return added(this.#bundles, `${namespace}/${ref.name}/${ref.key}`);
  }
  /** A client secret, a token, a JWKS. */
  value(namespace: string, ref: { readonly name: string; readonly key: string }): string {
    return added(this.#values, `${namespace}/${ref.name}/${ref.key}`);
  }
  /** A certificate of the hub's development CA. @param hostname of the listener; undefined: every host */
  internal(hostname: string | undefined): string {
    const key = `internal/${hostname ?? '*'}`;
    this.#internal.set(key, [hostname ?? 'localhost']);
    return key;
  }
  /** API keys are looked up. */
  needPeppers(): void {
    this.#peppers = true;
  }

  /** Takes over what another one has. */
  take(other: SecretRefBook): void {
    for (const key of other.#certificates) this.#certificates.add(key);
    for (const key of other.#policies) this.#policies.add(key);
    for (const key of other.#bundles) this.#bundles.add(key);
    for (const key of other.#values) this.#values.add(key);
    for (const [key, names] of other.#internal) this.#internal.set(key, names);
    this.#peppers ||= other.#peppers;
  }

  refs(): SecretRefs {
    return {
      certificates: [...this.#certificates].sort(),
      policies: [...this.#policies].sort(),
      bundles: [...this.#bundles].sort(),
      values: [...this.#values].sort(),
      internal: Object.fromEntries([...this.#internal].sort((a, b) => (a[0] < b[0] ? -1 : 1))),
      peppers: this.#peppers,
    };
  }
}

function added(set: Set<string>, key: string): string {
  set.add(key);
  return key;
}

import type { Certificate } from './certificate.ts';

/**
 * Chooses what to show for a server name: a certificate that is valid now before one that is not, one that names the host itself before a
 * wildcard, one that the listener names earlier before a later one, and among several of one set that which is valid longest.
 */
export class CertificateChoice {
  /** By a name of the certificates, in order of preference but for validity. */
  readonly #byName = new Map<string, Certificate[]>();
  readonly #all: readonly Certificate[];

  /** @param groups as the listener names them: single certificates, and sets */
  constructor(groups: readonly (readonly Certificate[])[]) {
    const sorted = groups.map((group) => group.toSorted((a, b) => b.notAfterMs - a.notAfterMs));
    // Who names no host gets the first of the first, whatever its life.
    this.#all = groups.flat();
    for (const certificate of sorted.flat()) {
      for (const name of certificate.names) {
        const known = this.#byName.get(name);
        if (known === undefined) this.#byName.set(name, [certificate]);
        else known.push(certificate);
      }
    }
  }

  /** For a client that names no host, or one that no certificate has: the first that is valid. */
  fallback(nowMs: number): Certificate | undefined {
    return this.#all.find((one) => isValid(one, nowMs)) ?? this.#all[0];
  }

  /** @param host lower case */
  find(host: string, nowMs: number): Certificate | undefined {
    const exact = this.#byName.get(host);
    const dot = host.indexOf('.');
    const wildcard = dot < 0 ? undefined : this.#byName.get(`*${host.slice(dot)}`);
    return (
      exact?.find((one) => isValid(one, nowMs)) ??
      wildcard?.find((one) => isValid(one, nowMs)) ??
      exact?.[0] ??
      wildcard?.[0]
    );
  }
}

function isValid({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs;
}

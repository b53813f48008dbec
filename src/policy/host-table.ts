/** Values by hostname: exact ones first, then wildcards with the most labels, then the one for every host. */
export class HostTable<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows the star, with its dot. */
  readonly #wildcards = new Map<string, T>();
  #any: T | undefined;

  /** The first of one hostname stays. @param hostname absent: every host */
  add(hostname: string | undefined, value: T): void {
    if (hostname === undefined || hostname === '' || hostname === '*') this.#any ??= value;
    else if (hostname.startsWith('*.')) {
      const suffix = hostname.slice(1);
      if (!this.#wildcards.has(suffix)) this.#wildcards.set(suffix, value);
    } else if (!this.#exact.has(hostname)) this.#exact.set(hostname, value);
  }

  /** What was added for this very hostname. */
  at(hostname: string | undefined): T | undefined {
    if (hostname === undefined || hostname === '' || hostname === '*') return this.#any;
    return hostname.startsWith('*.') ? this.#wildcards.get(hostname.slice(1)) : this.#exact.get(hostname);
  }

  /** @param host lower case, without trailing dot; absent: only the one for every host */
  find(host: string | undefined): T | undefined {
    if (host === undefined) return this.#any;
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.'); dot > 0; dot = host.indexOf('.', dot + 1)) {
        const found = this.#wildcards.get(host.slice(dot));
        if (found !== undefined) return found;
      }
    }
    return this.#any;
  }
}

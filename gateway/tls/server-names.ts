/** What is asked for by host: exact names first, then wildcards by number of labels, then that without hostname. */
export class ServerNames<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows the `*`: `.example.com`. */
  readonly #wildcards = new Map<string, T>();
  #any: T | undefined;
  #first: T | undefined;

  /** The first for a hostname stays. @param hostname lower case; `*.example.com` matches one or more labels; undefined: any */
  add(hostname: string | undefined, value: T): void {
    this.#first ??= value;
    if (hostname === undefined) this.#any ??= value;
    else if (!hostname.startsWith('*.')) setOnce(this.#exact, hostname, value);
    else setOnce(this.#wildcards, hostname.slice(1), value);
  }

  /** @param host lower case, without trailing dot */
  find(host: string): T | undefined {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.', 1); dot > 0; dot = host.indexOf('.', dot + 1)) {
        const wildcard = this.#wildcards.get(host.slice(dot));
        if (wildcard !== undefined) return wildcard;
      }
    }
    return this.#any;
  }

  /** For a client that names no server. */
  get unnamed(): T | undefined {
    return this.#any ?? this.#first;
  }
}

function setOnce<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value);
}

/** What became of one field. `exact`: means the same; `approximate`: nearly, `says` tells the difference; `unsupported`: nothing here does it. */
export type Verdict = 'exact' | 'approximate' | 'unsupported';

export interface LedgerLine {
  /** `AuthPolicy shop/web` */
  readonly object: string;
  /** `spec.rules.authentication.keys.apiKey.selector`; empty: the object as a whole. */
  readonly field: string;
  readonly verdict: Verdict;
  /** Why it is not exact, and what to do. */
  readonly says?: string;
}

/** What is said of every field of every document that was read. */
export class Ledger {
  readonly lines: LedgerLine[] = [];

  /** Takes back what was said of a field and those below it, but for what is unsupported anyway. */
  takeBack(object: string, field: string): void {
    const kept = this.lines.filter(
      (line) => line.object !== object || line.verdict === 'unsupported' || !isBelow(line.field, field),
    );
    this.lines.splice(0, this.lines.length, ...kept);
  }

  tell(object: string, field: string, verdict: Verdict, says?: string): void {
    this.lines.push({ object, field, verdict, ...(says === undefined ? {} : { says }) });
  }
}

/**
 * One value of a document, read part by part. Each leaf gets a verdict, once: from whoever turns it into something, or at the end as unsupported, so that
 * no field is left out silently.
 */
export class Field {
  readonly #ledger: Ledger;
  readonly object: string;
  readonly path: string;
  readonly value: unknown;
  readonly #children = new Map<string, Field>();
  #told = false;

  constructor(ledger: Ledger, object: string, path: string, value: unknown) {
    this.#ledger = ledger;
    this.object = object;
    this.path = path;
    this.value = value;
  }

  /** Undefined: it is not there, or null. */
  get(key: string): Field | undefined {
    if (!isMap(this.value) || this.value[key] === undefined || this.value[key] === null) return undefined;
    return this.#child(key, /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);
  }

  entries(): readonly (readonly [key: string, field: Field])[] {
    if (!isMap(this.value)) return [];
    return Object.keys(this.value).flatMap((key) => {
      const field = this.get(key);
      return field === undefined ? [] : [[key, field] as const];
    });
  }

  items(): readonly Field[] {
    return Array.isArray(this.value) ? this.value.map((_, i) => this.#child(String(i), `[${i}]`)) : [];
  }

  text(key: string): string | undefined {
    const value = this.get(key)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  /** Tells a child that is there; of an absent one nothing. */
  exact(...keys: readonly string[]): void {
    for (const key of keys) this.get(key)?.tell('exact');
  }

  /** Of this value with all that is below it and was not told yet. */
  tell(verdict: Verdict, says?: string): void {
    if (this.#told) return;
    this.#told = true;
    for (const leaf of this.#untold()) leaf.#write(verdict, says);
  }

  /** It comes to nothing, whatever was said of its parts. */
  leaveOut(says: string): void {
    this.#ledger.takeBack(this.object, this.path);
    const told = new Set(
      this.#ledger.lines.filter(({ object }) => object === this.object).map(({ field }) => field),
    );
    this.#told = true;
    for (const leaf of this.#leaves()) if (!told.has(leaf.path)) leaf.#write('unsupported', says);
  }

  /** What nobody had a use for. */
  tellRest(): void {
    this.tell('unsupported', 'there is nothing of the kind here');
  }

  #write(verdict: Verdict, says: string | undefined): void {
    this.#told = true;
    this.#ledger.tell(this.object, this.path, verdict, says);
  }

  #untold(): readonly Field[] {
    const parts = this.#parts();
    if (parts.length === 0) return [this];
    return parts.flatMap((part) => (part.#told ? [] : part.#untold()));
  }

  #leaves(): readonly Field[] {
    const parts = this.#parts();
    return parts.length === 0 ? [this] : parts.flatMap((part) => part.#leaves());
  }

  #parts(): readonly Field[] {
    return [...this.entries().map(([, field]) => field), ...this.items()];
  }

  #child(key: string, step: string): Field {
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const value: unknown = isMap(this.value)
      ? this.value[key]
      : Array.isArray(this.value)
        ? this.value[Number(key)]
        : undefined;
    const child = new Field(this.#ledger, this.object, `${this.path}${step}`, value);
    this.#children.set(key, child);
    return child;
  }
}

function isBelow(field: string, above: string): boolean {
  return field === above || field.startsWith(`${above}.`) || field.startsWith(`${above}[`);
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

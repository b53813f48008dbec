/** Share of a second's signatures that only names of the zone may use: made-up names cannot take it. */
const RESERVED_SHARE = 0.25;

/**
 * Bounds the processor time that queries can make a name server spend on signatures: a signature costs as much as some dozen
 * plain answers, and a query for a name nobody asked for before always needs one. A bucket of one second's signatures.
 */
export class SigningBudget {
  readonly #perSecond: number;
  readonly #nowMs: () => number;
  #left: number;
  #filledAtMs: number;

  /** @param nowMs milliseconds; must not go back, but for which nothing is lost but time */
  constructor(perSecond: number, nowMs: () => number) {
    this.#perSecond = perSecond;
    this.#nowMs = nowMs;
    this.#left = perSecond;
    this.#filledAtMs = nowMs();
  }

  /**
   * Takes one signature.
   * @param fleeting for a name that the query made up, or that a wildcard stands for
   * @returns false when there is none left
   */
  take(fleeting: boolean): boolean {
    const nowMs = this.#nowMs();
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#left = Math.min(this.#perSecond, this.#left + (elapsedMs / 1000) * this.#perSecond);
    if (this.#left < 1 + (fleeting ? RESERVED_SHARE * this.#perSecond : 0)) return false;
    this.#left -= 1;
    return true;
  }
}

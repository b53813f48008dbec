import type { UsageHit, UsageSink } from './contract.ts';

/** Hits of one account in one minute. */
export interface UsageCount {
  readonly namespace: string;
  readonly principal: string;
  /** Empty: not by an API key. */
  readonly keyId: string;
  readonly route: string;
  readonly metric: string;
  /** Start of the minute, seconds since 1970. */
  readonly minuteSeconds: number;
  readonly amount: number;
}

interface Cell extends Omit<UsageCount, 'amount'> {
  amount: number;
}

/** Counts in memory, one number per account and minute. */
export class UsageCounts implements UsageSink {
  #cells = new Map<string, Cell>();
  // Requests of one caller come in rows: the cell of the last hit is the likeliest.
  #last: Cell | undefined;

  get size(): number {
    return this.#cells.size;
  }

  count(hit: UsageHit): void {
    const { namespace, principal, route, metric, amount } = hit;
    const keyId = hit.keyId ?? '';
    const minuteSeconds = Math.floor(hit.wallMs / 60_000) * 60;
    const last = this.#last;
    if (
      last !== undefined &&
      last.minuteSeconds === minuteSeconds &&
      last.keyId === keyId &&
      last.route === route &&
      last.principal === principal &&
      last.metric === metric &&
      last.namespace === namespace
    ) {
      last.amount += amount;
      return;
    }
    this.#add(namespace, principal, keyId, route, metric, minuteSeconds, amount);
  }

  add(counts: readonly UsageCount[]): void {
    for (const { namespace, principal, keyId, route, metric, minuteSeconds, amount } of counts)
      this.#add(namespace, principal, keyId, route, metric, minuteSeconds, amount);
  }

  /** What was counted since the last time. */
  take(): readonly UsageCount[] {
    const counts = [...this.#cells.values()];
    this.#cells = new Map();
    this.#last = undefined;
    return counts;
  }

  #add(
    namespace: string,
    principal: string,
    keyId: string,
    route: string,
    metric: string,
    minuteSeconds: number,
    amount: number,
  ): void {
    // No part has a line feed: names of objects and metrics have none, and a principal's are taken out where it is made.
    const key = `${minuteSeconds}\n${keyId}\n${route}\n${metric}\n${namespace}\n${principal}`;
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = { namespace, principal, keyId, route, metric, minuteSeconds, amount };
      this.#cells.set(key, cell);
    } else cell.amount += amount;
    this.#last = cell;
  }
}

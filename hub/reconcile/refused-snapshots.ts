/** What stood in the way may have passed by then, such as a full disk, or a machine without memory for the check. */
const FIRST_MS = 15_000;
/** One that is no good costs an agent a check each time. */
const LAST_MS = 300_000;

interface Refusal {
  readonly waitMs: number;
  /** Infinity: it was sent again, and no answer came yet. */
  readonly dueMs: number;
}

/** Agents that refused the last snapshot they were sent, and when it is sent again: nothing else may ever change. */
export class RefusedSnapshots {
  readonly #refusals = new Map<string, Refusal>();

  /** Each time in a row the wait is twice as long. @param nowMs of a clock that never goes back */
  refused(agentUid: string, nowMs: number): void {
    const before = this.#refusals.get(agentUid);
    const waitMs = before === undefined ? FIRST_MS : Math.min(before.waitMs * 2, LAST_MS);
    this.#refusals.set(agentUid, { waitMs, dueMs: nowMs + waitMs });
  }

  /** It took one, or is gone. */
  forget(agentUid: string): void {
    this.#refusals.delete(agentUid);
  }

  /** Agents whose time has come; each is named once for a refusal. */
  due(nowMs: number): readonly string[] {
    const found: string[] = [];
    for (const [agentUid, { waitMs, dueMs }] of this.#refusals) {
      if (dueMs > nowMs) continue;
      this.#refusals.set(agentUid, { waitMs, dueMs: Number.POSITIVE_INFINITY });
      found.push(agentUid);
    }
    return found;
  }
}

import type { Budget } from '../../src/quota/budget.ts';
import { longestLeaseMs, openLedger } from '../../src/quota/ledger.ts';
import type { Ledger } from '../../src/quota/ledger-contract.ts';
import { type LedgerSettings, ledgerSettings } from '../../src/quota/ledger-settings.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';

/** Pages as a store keeps them: what was committed, by the writer with the highest epoch only. */
export class Store {
  readonly pages = new Map<string, Uint8Array>();
  epoch = 0;
  /** Which of the hub's clocks wrote last. */
  clock = 0;
  /** Whether a writer that was replaced may still write. */
  readonly #unfenced: boolean;

  constructor(unfenced = false) {
    this.#unfenced = unfenced;
  }

  /** @returns false: another writer has begun, and nothing was written. */
  commit(
    epoch: number,
    clock: number,
    changes: readonly { page: string; content: Uint8Array | undefined }[],
  ): boolean {
    if (epoch !== this.epoch && !this.#unfenced) return false;
    this.clock = clock;
    for (const { page, content } of changes) {
      if (content === undefined) this.pages.delete(page);
      else this.pages.set(page, content);
    }
    return true;
  }
}

export interface HubOptions {
  readonly store: Store;
  readonly settings: Partial<LedgerSettings>;
  readonly budgets: ReadonlyMap<string, Budget>;
  readonly version: number;
  readonly agents: ReadonlyMap<string, readonly string[]>;
  readonly newId: () => string;
  readonly nowMs: number;
  /** Another one than the store's: the clock cannot be shown to go on. */
  readonly clock: number;
  /** How long a commit takes, milliseconds; undefined: it fails. */
  readonly commitMs: () => number | undefined;
  readonly after: (ms: number, action: () => void) => void;
  /** Replies leave before their commit. */
  readonly eager?: boolean;
  /** A reply that may leave. */
  readonly send: (agent: string, reply: QuotaReply) => void;
}

/** A hub's process around the real ledger: requests that come while a commit is under way are answered after the next one. */
export class Hub {
  readonly ledger: Ledger;
  readonly #options: HubOptions;
  readonly #epoch: number;
  alive = true;
  #committing = false;
  /** Not yet durable, newest content. */
  readonly #unsaved = new Map<string, Uint8Array | undefined>();
  #replies: { agent: string; reply: QuotaReply }[] = [];

  constructor(options: HubOptions) {
    this.#options = options;
    options.store.epoch += 1;
    this.#epoch = options.store.epoch;
    this.ledger = openLedger(new Map(options.store.pages), {
      epoch: this.#epoch,
      nowMs: options.nowMs,
      newId: options.newId,
      ...options.settings,
    });
    if (options.clock !== options.store.clock)
      this.ledger.pauseUntil(options.nowMs + longestLeaseMs(ledgerSettings(options.settings)));
    this.ledger.setAgents(options.agents, options.nowMs);
    this.ledger.setBudgets(options.budgets, options.version, options.nowMs);
  }

  /** The process ends; what it did not commit never was. */
  kill(): void {
    this.alive = false;
  }

  receive(agent: string, request: QuotaRequest, nowMs: number): void {
    if (!this.alive) return;
    const reply = this.ledger.exchange(agent, request, nowMs);
    if (this.#options.eager === true) this.#options.send(agent, reply);
    else this.#replies.push({ agent, reply });
    this.flush();
  }

  sweep(nowMs: number): void {
    if (!this.alive) return;
    this.ledger.sweep(nowMs);
    this.flush();
  }

  flush(): void {
    if (this.#committing) return;
    for (const { page, content } of this.ledger.takeChanges()) this.#unsaved.set(page, content);
    if (this.#unsaved.size === 0 && this.#replies.length === 0) return;
    const replies = this.#replies;
    this.#replies = [];
    const changes = [...this.#unsaved].map(([page, content]) => ({ page, content }));
    this.#unsaved.clear();
    this.#committing = true;
    const ms = this.#options.commitMs();
    this.#options.after(ms ?? 1, () => {
      this.#committing = false;
      if (!this.alive) return;
      if (ms === undefined) {
        // It failed: all of it goes with the next commit, and so do the replies.
        for (const { page, content } of changes)
          if (!this.#unsaved.has(page)) this.#unsaved.set(page, content);
        this.#replies.unshift(...replies);
      } else if (!this.#options.store.commit(this.#epoch, this.#options.clock, changes)) {
        this.alive = false;
        return;
      } else for (const { agent, reply } of replies) this.#options.send(agent, reply);
      this.flush();
    });
  }
}

import {
  type Batch,
  type Capabilities,
  type Provider,
  ProviderError,
  type ZoneContent,
} from '../../providers/contract.ts';
import { type RecordSet, type SetChange, sameSet, setKey } from '../../src/plan/record-set.ts';

export type Preconditions = Capabilities['preconditions'];

/** The process that sent a request is gone. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** How likely things go wrong, each in [0, 1]. */
export interface Faults {
  readonly throttle: number;
  readonly busy: number;
  /** Applied, but the answer is lost. */
  readonly lostAnswer: number;
  /** Not applied, and no answer; it may be applied later. */
  readonly lostRequest: number;
  /** The sender dies: before, after, or (where a batch is not all or nothing) in the middle of it. */
  readonly crash: number;
}

export const NO_FAULTS: Faults = { throttle: 0, busy: 0, lostAnswer: 0, lostRequest: 0, crash: 0 };

/** A zone at a provider, in memory: checks what its kind checks, and fails as told. */
export class FlakyProvider {
  readonly sets = new Map<string, RecordSet>();
  readonly #tags = new Map<string, number>();
  #tag = 0;
  /** Requests that got lost on their way, and arrive later. */
  readonly #late: (() => void)[] = [];
  readonly preconditions: Preconditions;
  readonly #random: () => number;
  /** Called after each change, with who sent it. */
  onChange: (sender: string) => void = () => undefined;
  /** Called with each batch that begins to have an effect. */
  onCommit: (sender: string, batch: Batch) => void = () => undefined;

  constructor(preconditions: Preconditions, random: () => number) {
    this.preconditions = preconditions;
    this.#random = random;
  }

  content(): ZoneContent {
    return {
      sets: [...this.sets.values()],
      tokens: new Map([...this.#tags].map(([key, tag]) => [key, String(tag)])),
    };
  }

  /** As somebody else changes it, past the hub. */
  put(set: RecordSet): void {
    this.#write({ after: set });
  }

  remove(key: string): void {
    const before = this.sets.get(key);
    if (before !== undefined) this.#write({ before });
  }

  /**
   * @param between runs after a request was sent and before it arrives: others act, time goes on
   */
  client(
    sender: string,
    faults: () => Faults,
    between: () => Promise<void>,
  ): Pick<Provider, 'read' | 'apply'> {
    return {
      read: async () => {
        await between();
        this.#arrive();
        this.#maybeRefuse(faults());
        return this.content();
      },
      apply: async (_zone, batch) => {
        await between();
        this.#arrive();
        this.#maybeRefuse(faults());
        const chances = faults();
        if (this.#random() < chances.crash / 2) throw new Crash();
        if (this.#random() < chances.lostRequest) {
          // Where nothing is checked, a request that arrives after others would do harm that no writer can prevent.
          if (this.preconditions !== 'none') this.#late.push(() => this.#apply(sender, batch, 0));
          throw new ProviderError('ambiguous', 'no answer');
        }
        this.#apply(sender, batch, chances.crash / 2);
        if (this.#random() < chances.lostAnswer) throw new ProviderError('ambiguous', 'the answer was lost');
      },
    };
  }

  #arrive(): void {
    if (this.#late.length === 0 || this.#random() < 0.5) return;
    try {
      this.#late.shift()?.();
    } catch (error) {
      // Nobody hears the answer.
      if (!(error instanceof ProviderError)) throw error;
    }
  }

  #maybeRefuse({ throttle, busy }: Faults): void {
    if (this.#random() < throttle) {
      throw new ProviderError('throttled', 'slow down', {
        retryAfterMs: this.#random() < 0.5 ? 1000 : undefined,
      });
    }
    if (this.#random() < busy) throw new ProviderError('busy', 'another change is in flight');
  }

  #apply(sender: string, batch: Batch, crash: number): void {
    const changes = [
      ...(batch.fence === undefined ? [] : [batch.fence]),
      ...batch.groups.flatMap((g) => g.changes),
    ];
    if (this.preconditions !== 'per-set') {
      if (this.preconditions === 'atomic') for (const change of changes) this.#check(change, batch);
      this.#validate(changes, batch);
      this.onCommit(sender, batch);
      for (const change of changes) this.#write(change);
      this.onChange(sender);
      if (this.#random() < crash) throw new Crash();
      return;
    }
    let committed = false;
    for (const change of changes) {
      this.#check(change, batch);
      this.#validate([change], batch);
      if (!committed) this.onCommit(sender, batch);
      committed = true;
      this.#write(change);
      this.onChange(sender);
      if (this.#random() < crash / 4) throw new Crash();
    }
  }

  #check({ before, after }: SetChange, batch: Batch): void {
    const key = setKey(before ?? after);
    const there = this.sets.get(key);
    const same = before === undefined ? there === undefined : there !== undefined && sameSet(there, before);
    if (!same) throw new ProviderError('conflict', `${key} is not as read`);
    if (this.preconditions !== 'per-set' || before === undefined) return;
    const token = batch.tokens.get(key);
    if (token === undefined ? key.includes('_fence') : token === String(this.#tags.get(key))) return;
    throw new ProviderError('conflict', `${key} has another tag`);
  }

  /** What providers refuse: a CNAME beside others, an alias to nothing, plain beside routed sets, a value they do not like. */
  #validate(changes: readonly SetChange[], batch: Batch): void {
    const next = new Map(this.sets);
    for (const { before, after } of changes) {
      if (before !== undefined) next.delete(setKey(before));
      if (after !== undefined) next.set(setKey(after), after);
    }
    for (const { after } of changes) {
      if (after === undefined) continue;
      const beside = [...next.values()].filter((set) => set.name === after.name && set.type !== after.type);
      const clash =
        beside.length > 0 && (after.type === 'CNAME' || beside.some((set) => set.type === 'CNAME'));
      const dangling = [...targetsOf(after)].some(
        (target) => ![...next.values()].some((set) => set.name === target),
      );
      // Route 53: a set without routing and one with it cannot stand together.
      const mixed = [...next.values()].some(
        (set) =>
          set.name === after.name && set.type === after.type && (set.setId === '') !== (after.setId === ''),
      );
      if (!clash && !dangling && !mixed && !after.values.includes('192.0.2.66')) continue;
      const group = batch.groups.find(({ changes: all }) => all.some((change) => change.after === after));
      throw new ProviderError('invalid', `${after.name} ${after.type} is refused`, {
        group: this.#random() < 0.5 ? group?.name : undefined,
      });
    }
  }

  #write({ before, after }: SetChange): void {
    this.#tag += 1;
    if (before !== undefined) {
      this.sets.delete(setKey(before));
      this.#tags.delete(setKey(before));
    }
    if (after !== undefined) {
      this.sets.set(setKey(after), after);
      this.#tags.set(setKey(after), this.#tag);
    }
  }
}

/** Names that an alias leads to. */
export function targetsOf(set: RecordSet): readonly string[] {
  const alias = set.native?.alias;
  return typeof alias === 'string' ? [alias] : [];
}

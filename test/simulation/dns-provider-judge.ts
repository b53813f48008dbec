import type { Batch } from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { type FenceStamp, parseStamp } from '../../src/plan/fence.ts';
import { markerName } from '../../src/plan/ownership.ts';
import { compareFences, type Fence } from '../../src/plan/publication.ts';
import { contentOf, type RecordSet, setKey } from '../../src/plan/record-set.ts';
import { txtText } from '../../src/plan/txt-value.ts';
import type { DesiredName } from '../../src/plan/zone-plan.ts';
import { type FlakyProvider, targetsOf } from './flaky-provider.ts';

export interface JudgedNames {
  readonly origin: DomainName;
  readonly owner: string;
  readonly names: readonly DomainName[];
  /** Types that answer. */
  readonly types: readonly string[];
}

/** What must hold after every change that a hub makes. A sender is `hub <epoch> @<event at which it looked last>`. */
export class DnsProviderJudge {
  /** Records of somebody else, as that somebody left them. */
  readonly foreign = new Map<string, RecordSet>();
  /** Names whose records or marker somebody broke, and when, in events. */
  readonly damaged = new Map<DomainName, number>();
  failure: string | undefined;
  readonly #provider: FlakyProvider;
  readonly #of: JudgedNames;
  #newest: Fence = { epoch: 0, generation: 0 };
  #before: ReadonlyMap<string, RecordSet> = new Map();

  constructor(provider: FlakyProvider, of: JudgedNames) {
    this.#provider = provider;
    this.#of = of;
  }

  /** Somebody else changed the zone: hubs are judged from there on. */
  look(): void {
    this.#before = new Map(this.#provider.sets);
  }

  committed(sender: string, batch: Batch): void {
    this.#before = new Map(this.#provider.sets);
    const epoch = Number(sender.split(' ')[1]);
    const stamp = stampIn(batch.fence?.after) ?? {
      epoch,
      generation: this.#newest.generation,
      step: 0,
      plan: '',
    };
    if (this.#provider.preconditions === 'none') return;
    if (compareFences(stamp, this.#newest) < 0) {
      this.#fail(
        `I2: ${sender} committed ${stamp.epoch}.${stamp.generation} after ${this.#newest.epoch}.${this.#newest.generation}`,
      );
    }
    this.#newest = {
      epoch: stamp.epoch,
      generation: Math.max(stamp.generation, stamp.epoch > this.#newest.epoch ? 0 : this.#newest.generation),
    };
  }

  judge(sender: string, planned: ReadonlyMap<DomainName, DesiredName>): void {
    const { sets } = this.#provider;
    const { names, types } = this.#of;
    for (const [key, set] of this.foreign) {
      const there = sets.get(key);
      if (there === undefined || contentOf(there) !== contentOf(set))
        this.#fail(`foreign ${key} was touched by ${sender}`);
    }
    const answers = (from: ReadonlyMap<string, RecordSet>, name: DomainName): boolean =>
      [...from.values()].some((set) => set.name === name && types.includes(set.type));
    const readAt = Number(sender.split('@')[1]);
    for (const name of names) {
      // What somebody broke after the hub looked: no provider lets a writer insist on a record that it does not write.
      if ((this.damaged.get(name) ?? -1) > readAt) continue;
      if (planned.has(name) && answers(this.#before, name) && !answers(sets, name))
        this.#fail(`I4: ${sender} left ${name} without an answer`);
      const isOurs = [...sets.values()].some(
        (set) => set.name === name && types.includes(set.type) && !this.foreign.has(setKey(set)),
      );
      const changed = [...sets.values()].some(
        (set) => set.name === name && types.includes(set.type) && !this.#before.has(setKey(set)),
      );
      if (isOurs && changed && !this.isMarked(name))
        this.#fail(`I18: ${sender} left records at ${name} without a marker`);
    }
    for (const set of sets.values()) {
      const wasDangling = (target: string): boolean =>
        ![...this.#before.values()].some((other) => other.name === target);
      for (const target of targetsOf(set)) {
        if ([...sets.values()].every((other) => other.name !== target) && !wasDangling(target))
          this.#fail(`I3: ${sender} collected ${target}, which ${set.name} needs`);
      }
    }
    this.#before = new Map(sets);
  }

  isMarked(name: DomainName): boolean {
    const set = this.#provider.sets.get(`${markerName(this.#of.origin, name)} TXT `);
    return (
      set?.values.some((value) => txtText(value)?.includes(`portolan/owner=${this.#of.owner},`) === true) ??
      false
    );
  }

  #fail(why: string): void {
    this.failure ??= why;
  }
}

function stampIn(set: RecordSet | undefined): FenceStamp | undefined {
  const value = set?.values[0];
  return value === undefined ? undefined : parseStamp(txtText(value) ?? '');
}

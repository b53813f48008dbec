import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DomainName } from '../src/dns/name.ts';
import type { AnswerTable } from '../src/dns/table.ts';
import { differenceOf, type ZoneDifference } from '../src/dns/transfer/difference.ts';
import { DEFAULT_JOURNAL_LIMITS, Journal, type JournalLimits } from '../src/dns/transfer/journal.ts';
import { compareSerials } from '../src/dns/transfer/serial.ts';
import type { Zone } from '../src/dns/zone.ts';

export interface JournalsOptions {
  readonly table: () => AnswerTable | undefined;
  /** The zones that anybody may copy. */
  readonly zones: () => Iterable<DomainName>;
  readonly limits?: JournalLimits | undefined;
}

interface Tracked {
  /** The newest version that the journal leads to. */
  zone: Zone;
  readonly journal: Journal;
}

/**
 * Differences between the versions of each zone that may be copied. Level-based: `follow` compares the table of now with the one
 * it saw last, so a version that came and went between two calls is skipped, not lost.
 */
export class TransferJournals {
  readonly #options: JournalsOptions;
  readonly #tracked = new Map<DomainName, Tracked>();
  #seen: AnswerTable | undefined;
  #running: Promise<void> | undefined;

  constructor(options: JournalsOptions) {
    this.#options = options;
  }

  /** Brings the journals up to the table of now, in slices between which other work is done. */
  async follow(): Promise<void> {
    while (this.#options.table() !== this.#seen) {
      this.#running ??= this.#catchUp().finally(() => {
        this.#running = undefined;
      });
      await this.#running;
    }
  }

  /** What leads from a serial to this version of the zone; `undefined`: send all of it. */
  between(from: number, zone: Zone): readonly ZoneDifference[] | undefined {
    return this.#tracked.get(zone.origin)?.journal.between(from, zone.serial);
  }

  async #catchUp(): Promise<void> {
    const table = this.#options.table();
    const origins = new Set(this.#options.zones());
    for (const origin of this.#tracked.keys()) if (!origins.has(origin)) this.#tracked.delete(origin);
    for (const origin of origins) {
      const zone = table?.zones.find((candidate) => candidate.origin === origin);
      // What signs a zone signs each copy anew: there is no difference to send.
      if (zone === undefined || zone.signer !== undefined) {
        this.#tracked.delete(origin);
        continue;
      }
      const tracked = this.#tracked.get(origin);
      if (tracked === undefined) {
        const limits = this.#options.limits ?? DEFAULT_JOURNAL_LIMITS;
        this.#tracked.set(origin, { zone, journal: new Journal(limits) });
      } else if (tracked.zone !== zone) {
        await this.#advance(tracked, zone);
      }
    }
    this.#seen = table;
  }

  async #advance(tracked: Tracked, zone: Zone): Promise<void> {
    const before = tracked.zone;
    if (compareSerials(before.serial, zone.serial) >= 0) {
      // The same serial has the same content; one that went back is another history.
      if (before.serial !== zone.serial) tracked.journal.clear();
      tracked.zone = zone;
      return;
    }
    const limits = this.#options.limits ?? DEFAULT_JOURNAL_LIMITS;
    const steps = differenceOf(before, zone, limits.octets);
    let step = steps.next();
    while (step.done !== true) {
      await nextTurn();
      step = steps.next();
    }
    if (step.value === undefined) tracked.journal.clear();
    else tracked.journal.append(step.value);
    tracked.zone = zone;
  }
}

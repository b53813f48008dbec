import type { SoaRdata } from '../../src/dns/records/soa.ts';
import { rdataKey } from '../../src/dns/rrset.ts';
import type { TransferredDifference } from '../../src/dns/transfer/ixfr-reader.ts';
import type { ResourceRecord } from '../../src/dns/wire/message.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { isServersOwn } from './capabilities.ts';
import { setsOf } from './records.ts';

/** A version of a zone as it was transferred. Immutable: the next version is another copy. */
export class ZoneCopy {
  readonly soa: SoaRdata;
  readonly #records: ReadonlyMap<string, ResourceRecord>;
  #sets: readonly RecordSet[] | undefined;

  private constructor(soa: SoaRdata, records: ReadonlyMap<string, ResourceRecord>) {
    this.soa = soa;
    this.#records = records;
  }

  /** `undefined` when there is no SOA among them. What a signing server makes is not kept: of a signed zone that is the most. */
  static of(records: Iterable<ResourceRecord>): ZoneCopy | undefined {
    const kept = new Map<string, ResourceRecord>();
    let soa: SoaRdata | undefined;
    for (const record of records) {
      if (isServersOwn(record.type)) continue;
      if (record.rdata.type === 'SOA') soa = record.rdata;
      kept.set(keyOf(record), record);
    }
    return soa === undefined ? undefined : new ZoneCopy(soa, kept);
  }

  get sets(): readonly RecordSet[] {
    this.#sets ??= setsOf(this.#records.values());
    return this.#sets;
  }

  /** The version after these differences; `undefined` when they do not fit, so the zone has to be copied whole. */
  after(differences: readonly TransferredDifference[]): ZoneCopy | undefined {
    const records = new Map(this.#records);
    let { soa } = this;
    for (const { removed, added } of differences) {
      for (const record of removed) {
        if (!isServersOwn(record.type) && !records.delete(keyOf(record))) return undefined;
      }
      for (const record of added) {
        if (isServersOwn(record.type)) continue;
        if (record.rdata.type === 'SOA') soa = record.rdata;
        records.set(keyOf(record), record);
      }
    }
    return new ZoneCopy(soa, records);
  }
}

function keyOf({ name, rdata }: ResourceRecord): string {
  return `${name} ${rdataKey(rdata)}`;
}

import { PortolanError } from '../../errors/error.ts';
import type { DomainName } from '../name.ts';
import type { SoaRdata } from '../records/soa.ts';
import { CLASS, isMetaType, OPCODE, RCODE, rcodeName, TYPE, typeName } from '../types.ts';
import { decodeMessage, type ResourceRecord } from '../wire/message.ts';
import { compareSerials } from './serial.ts';

/** One version of a zone made from the one before: what goes, what comes, the SOA of each among them. */
export interface TransferredDifference {
  readonly removed: readonly ResourceRecord[];
  readonly added: readonly ResourceRecord[];
}

/** What a server has for one who holds an older version of a zone. */
export type TransferredChanges =
  /** Nothing: the version held is the newest. */
  | { readonly kind: 'current' }
  /** To be applied in this order. */
  | { readonly kind: 'differences'; readonly differences: readonly TransferredDifference[] }
  /** The server does not know how it was then, and sent everything. */
  | { readonly kind: 'whole'; readonly records: readonly ResourceRecord[] }
  /** It does not do incremental transfers, or has an older version than we hold: to be copied by AXFR. */
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Reads the messages of one IXFR (RFC 1995 section 4): the new SOA, then (old SOA, what goes, newer SOA, what comes) as often as there are
 * versions, then the new SOA again; or the new SOA alone; or a whole zone as AXFR has it.
 */
export class IxfrReader {
  readonly #zone: DomainName;
  readonly #id: number;
  readonly #heldSerial: number;
  #state: 'begin' | 'undecided' | 'removing' | 'adding' | 'whole' | 'ended' = 'begin';
  /** The SOA that it begins with; none before. */
  #first: readonly ResourceRecord[] = [];
  /** Serial that the transfer leads to, and the one that the differences so far lead to. */
  #serial = 0;
  #reached: number;
  readonly #whole: ResourceRecord[] = [];
  readonly #differences: { removed: ResourceRecord[]; added: ResourceRecord[] }[] = [];
  #result: TransferredChanges | undefined;

  constructor(zone: DomainName, id: number, heldSerial: number) {
    this.#zone = zone;
    this.#id = id;
    this.#heldSerial = heldSerial;
    this.#reached = heldSerial;
  }

  /** What came, once nothing more will. */
  get result(): TransferredChanges | undefined {
    return this.#result;
  }

  /**
   * @returns how many records the message had
   * @throws PortolanError TRANSFER_FAILED, DNS_WIRE_MALFORMED
   */
  accept(bytes: Uint8Array): number {
    const message = decodeMessage(bytes);
    const zone = this.#zone;
    if (message.id !== this.#id || !message.flags.response || message.opcode !== OPCODE.QUERY)
      throw failed(`${zone}: a message that does not belong to the transfer`);
    // A server that refuses this may still let the zone be copied whole; AXFR tells, with the reason if it does not.
    if (message.rcode !== RCODE.NOERROR)
      return this.#unknown(`the server answered ${rcodeName(message.rcode)}`);
    if (message.flags.truncated) throw failed(`${zone}: a message of the transfer is truncated`);
    for (const record of message.answers) {
      if (record.class !== CLASS.IN || isMetaType(record.type))
        throw failed(`${zone}: a ${typeName(record.type)} record at ${record.name} is not zone data`);
      this.#record(record);
    }
    if (this.#state === 'begin') return this.#unknown('the answer holds no zone');
    if (this.#state === 'undecided') {
      const order = compareSerials(this.#serial, this.#heldSerial);
      if (order === 0) this.#end({ kind: 'current' });
      else if (order < 0) this.#unknown(`it has serial ${this.#serial}, older than ${this.#heldSerial}`);
    }
    return message.answers.length;
  }

  #record(record: ResourceRecord): void {
    const zone = this.#zone;
    const serial = record.rdata.type === 'SOA' && record.name === zone ? record.rdata.serial : undefined;
    switch (this.#state) {
      case 'begin':
        if (serial === undefined)
          throw failed(
            `${zone}: the transfer begins with a ${typeName(record.type)} record, not with the SOA`,
          );
        this.#first = [record];
        this.#serial = serial;
        this.#state = 'undecided';
        return;
      case 'undecided':
        // A second SOA of another serial begins the differences; everything else means a whole zone.
        if (serial !== undefined && serial !== this.#serial) {
          this.#startRemoving(record, serial);
          return;
        }
        this.#state = 'whole';
        this.#whole.push(...this.#first);
        this.#wholeRecord(record, serial);
        return;
      case 'whole':
        this.#wholeRecord(record, serial);
        return;
      case 'removing':
        if (serial === undefined) this.#differences.at(-1)?.removed.push(record);
        else {
          this.#differences.at(-1)?.added.push(record);
          this.#reached = serial;
          this.#state = 'adding';
        }
        return;
      case 'adding':
        if (serial === undefined) this.#differences.at(-1)?.added.push(record);
        else if (serial === this.#serial && this.#reached === this.#serial)
          this.#end({ kind: 'differences', differences: this.#differences });
        else this.#startRemoving(record, serial);
        return;
      case 'ended':
        throw failed(`${zone}: records after the final SOA`);
    }
  }

  #startRemoving(record: ResourceRecord, serial: number): void {
    if (serial !== this.#reached)
      throw failed(
        `${this.#zone}: differences from serial ${serial} follow those that lead to ${this.#reached}`,
      );
    this.#differences.push({ removed: [record], added: [] });
    this.#state = 'removing';
  }

  #wholeRecord(record: ResourceRecord, serial: number | undefined): void {
    if (serial === undefined) this.#whole.push(record);
    else if (serial === this.#serial) this.#end({ kind: 'whole', records: this.#whole });
    else
      throw failed(`${this.#zone}: the transfer began with serial ${this.#serial} and ends with ${serial}`);
  }

  #unknown(reason: string): number {
    this.#end({ kind: 'unknown', reason });
    return 0;
  }

  #end(result: TransferredChanges): void {
    this.#state = 'ended';
    this.#result = result;
  }
}

/** The SOA record that an IXFR request carries, to say what is held (RFC 1995 section 3). */
export function heldSoa(zone: DomainName, soa: SoaRdata): ResourceRecord {
  return { name: zone, type: TYPE.SOA, class: CLASS.IN, ttlSeconds: 0, rdata: soa };
}

function failed(message: string): PortolanError {
  return new PortolanError('TRANSFER_FAILED', message);
}

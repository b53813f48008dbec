import { PortolanError } from '../../errors/error.ts';
import { type DomainName, isAtOrBelow } from '../name.ts';
import { CLASS, isMetaType, OPCODE, RCODE, rcodeName, TYPE, typeName } from '../types.ts';
import { decodeMessage, type ResourceRecord } from '../wire/message.ts';

/**
 * Reads the messages of one AXFR (RFC 5936 section 2.2): begins and ends with the SOA. Records that do not lie in the zone are
 * left out, as section 3.5 of the RFC lets a client do.
 */
export class AxfrReader {
  readonly #zone: DomainName;
  readonly #id: number;
  #serial: number | undefined;
  #ended = false;

  constructor(zone: DomainName, id: number) {
    this.#zone = zone;
    this.#id = id;
  }

  /** The SOA came a second time: the zone is whole. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * The zone's records of one message: the SOA is the first of the first message, and is not repeated at the end.
   * @throws PortolanError TRANSFER_REFUSED, TRANSFER_FAILED, DNS_WIRE_MALFORMED
   */
  accept(bytes: Uint8Array): readonly ResourceRecord[] {
    const message = decodeMessage(bytes);
    const zone = this.#zone;
    if (message.id !== this.#id || !message.flags.response || message.opcode !== OPCODE.QUERY)
      throw failed(`${zone}: a message that does not belong to the transfer`);
    if (message.rcode !== RCODE.NOERROR) throw refused(zone, message.rcode);
    const [question] = message.questions;
    if (question !== undefined && (question.name !== zone || question.type !== TYPE.AXFR))
      throw failed(
        `${zone}: the answer is to another question (${question.name} ${typeName(question.type)})`,
      );
    if (message.flags.truncated) throw failed(`${zone}: a message of the transfer is truncated`);
    const records: ResourceRecord[] = [];
    for (const record of message.answers) {
      if (this.#ended) throw failed(`${zone}: records after the final SOA`);
      if (record.class !== CLASS.IN || isMetaType(record.type))
        throw failed(`${zone}: a ${typeName(record.type)} record at ${record.name} is not zone data`);
      if (record.rdata.type === 'SOA' && record.name === zone) {
        const { serial } = record.rdata;
        if (this.#serial === undefined) {
          this.#serial = serial;
          records.push(record);
        } else if (this.#serial === serial) this.#ended = true;
        else throw failed(`${zone}: the transfer began with serial ${this.#serial} and ends with ${serial}`);
        continue;
      }
      if (this.#serial === undefined)
        throw failed(`${zone}: the transfer begins with a ${typeName(record.type)} record, not with the SOA`);
      if (record.type === TYPE.SOA) throw failed(`${zone}: a second SOA, at ${record.name}`);
      if (isAtOrBelow(record.name, zone)) records.push(record);
    }
    if (this.#serial === undefined) throw failed(`${zone}: the answer holds no zone`);
    return records;
  }
}

function refused(zone: DomainName, rcode: number): PortolanError {
  if (rcode === RCODE.NOTAUTH)
    return new PortolanError(
      'TRANSFER_REFUSED',
      `${zone}: the server answered NOTAUTH: it does not serve the zone, or not to this key`,
    );
  if (rcode === RCODE.REFUSED)
    return new PortolanError(
      'TRANSFER_REFUSED',
      `${zone}: the server answered REFUSED: it does not let us copy the zone`,
    );
  return failed(`${zone}: the server answered ${rcodeName(rcode)}`);
}

function failed(message: string): PortolanError {
  return new PortolanError('TRANSFER_FAILED', message);
}

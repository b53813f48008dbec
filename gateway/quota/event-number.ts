import { JsonNumber } from './json-number.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const DATA = [...Buffer.from('data:')];

/** The number in the last event of an event stream whose data has it (HTML standard, 9.2.5); each event's data is a JSON text. */
export class EventNumber {
  readonly #json: JsonNumber;
  /** Octets of the line's beginning that are those of `data:`; -1: it is another field. */
  #matched = 0;
  #lineEmpty = true;

  constructor(path: readonly string[]) {
    this.#json = new JsonNumber(path);
  }

  get value(): number | undefined {
    return this.#json.value;
  }

  feed(octets: Uint8Array): void {
    let at = 0;
    while (at < octets.length) {
      const octet = octets[at] ?? 0;
      if (octet === LINE_FEED || octet === CARRIAGE_RETURN) {
        // An empty line ends the event; data of one event may be on several lines.
        if (this.#lineEmpty && octet === LINE_FEED) this.#json.restart();
        else if (octet === LINE_FEED) this.#lineEmpty = true;
        this.#matched = 0;
        at += 1;
      } else if (this.#matched === DATA.length) {
        const end = endOfLine(octets, at);
        this.#json.feed(octets, at, end);
        at = end;
      } else {
        this.#lineEmpty = false;
        if (this.#matched >= 0) this.#matched = octet === DATA[this.#matched] ? this.#matched + 1 : -1;
        at = this.#matched < 0 ? endOfLine(octets, at) : at + 1;
      }
    }
  }

  end(): void {
    this.#json.end();
  }
}

function endOfLine(octets: Uint8Array, from: number): number {
  let at = from;
  while (at < octets.length && octets[at] !== LINE_FEED && octets[at] !== CARRIAGE_RETURN) at += 1;
  return at;
}

import type { ClientAddress } from '../src/dns/client.ts';
import type { Decision } from '../src/dns/decision.ts';
import type { DomainName } from '../src/dns/name.ts';
import type { ClientClasses, RoutingMoment } from '../src/dns/routed.ts';
import type { RRset } from '../src/dns/rrset.ts';
import type { AnswerTable } from '../src/dns/table.ts';
import { RCODE, TYPE } from '../src/dns/types.ts';
import { NAME_SLOTS } from '../src/dns/wire/name-cache.ts';
import type { Query } from '../src/dns/wire/query.ts';
import type { Zone } from '../src/dns/zone.ts';

/*
 * A row of 64 octets for each name and address type: with it, a query for one of thousands of names reads a few places in memory
 * instead of some thirty, each of which would be a miss of the processor's caches.
 */
const ROW_WORDS = 16;
const ROW = {
  /** `#stamp`, or it is of an earlier table. */
  stamp: 0,
  /** Epoch of the moment; -1: it is of a static set, which holds as long as the table. */
  epoch: 1,
  /** Twice the number of the zone, and 1 when the zone is signed. */
  zone: 2,
  /** Number of the classes; 0: the same for everybody. */
  classes: 3,
  /** Numbers of drawings by class - 1; 0: not known yet. */
  drawings: 4,
} as const;
const MAX_CLASS = ROW_WORDS - ROW.drawings;
const STATIC = -1;
/** Above this the copy costs more than finding out again. */
const MAX_READY_OCTETS = 512;
const READY_OCTETS = 1 << 20;
const MAX_DRAWINGS = 32_768;
/** Of one drawing: start, number of stretches. */
const DRAWING_WORDS = 2;
/** Of one stretch: its upper end out of 2^32, start and length of the octets, number of records. */
const STRETCH_WORDS = 4;
const MAX_STRETCHES = 65_536;
const WHOLE = 4_294_967_295;

/** Answers that were given and can be given again, drawn anew where they are drawn. Of one thread; bounded. */
export class AnswerMemo {
  #table: AnswerTable | undefined;
  #moment: RoutingMoment | undefined;
  /** Grows when everything is forgotten. */
  #stamp = 1;
  readonly #names = new Array<DomainName | undefined>(2 * NAME_SLOTS).fill(undefined);
  readonly #rows = new Int32Array(2 * NAME_SLOTS * ROW_WORDS);
  readonly #drawings = new Uint32Array(MAX_DRAWINGS * DRAWING_WORDS);
  readonly #stretches = new Uint32Array(MAX_STRETCHES * STRETCH_WORDS);
  readonly #zones: Zone[] = [];
  readonly #classes: ClientClasses[] = [];
  readonly #places = new Map<RRset, { readonly from: number; readonly length: number }>();
  readonly #drawingOf = new Map<string, number>();
  #drawn = 0;
  #stretched = 0;
  #filled = 0;

  /** What `find` found: the octets as `RRset.wire` has them. */
  readonly ready = new Uint8Array(READY_OCTETS);
  from = 0;
  to = 0;
  answers = 0;
  ecsScope = 0;
  zone: Zone | undefined;

  /**
   * Looks for the answer to a query that asks for nothing special.
   * @param clientOf asked only when the answer goes by the client
   */
  find(query: Query, table: AnswerTable, clientOf: (query: Query) => ClientAddress): boolean {
    const row = rowOf(query);
    if (row < 0 || this.#names[row] !== query.name || table !== this.#table) return false;
    const rows = this.#rows;
    const at = row * ROW_WORDS;
    if (rows[at + ROW.stamp] !== this.#stamp) return false;
    const epoch = rows[at + ROW.epoch] ?? STATIC;
    if (epoch !== STATIC && this.#moment?.epoch() !== epoch) return false;
    const zone = rows[at + ROW.zone] ?? 0;
    // A signed answer has more in it, and is kept elsewhere.
    if ((zone & 1) !== 0 && query.edns?.dnssecOk === true) return false;
    const ofClasses = rows[at + ROW.classes] ?? 0;
    let number = 1;
    this.ecsScope = 0;
    if (ofClasses !== 0) {
      const moment = this.#moment;
      if (moment === undefined) return false;
      moment.locate(clientOf(query));
      number = this.#classes[ofClasses - 1]?.byPlace[moment.place] ?? 0;
      if (number === 0 || number > MAX_CLASS) return false;
      this.ecsScope = moment.scope;
    }
    const drawing = rows[at + ROW.drawings + number - 1] ?? 0;
    if (drawing === 0) return false;
    this.#draw(drawing);
    this.zone = this.#zones[zone >>> 1];
    return true;
  }

  /** Keeps what was decided, if it can be. */
  keep(query: Query, table: AnswerTable, decision: Decision, client: ClientAddress): void {
    const row = rowOf(query);
    const { zone, routed } = decision;
    const [part] = decision.answer;
    if (row < 0 || zone === undefined || part === undefined || !isPlain(query, decision)) return;
    const { name, type } = query;
    const repeat = routed?.repeat?.({ name, type, client });
    if (routed !== undefined && repeat === undefined) return;
    const sets = repeat?.sets ?? [part.set];
    if (!this.#hasRoomFor(sets) || table !== this.#table) this.#forget(table);
    if (repeat !== undefined && repeat.moment !== this.#moment) {
      if (this.#moment !== undefined) this.#forget(table);
      this.#moment = repeat.moment;
    }
    const number = repeat?.class?.number ?? 1;
    if (number < 1 || number > MAX_CLASS) return;
    const drawing = this.#drawingFor(sets, repeat?.weights ?? [1]);
    if (drawing === 0) return;
    const rows = this.#rows;
    const at = row * ROW_WORDS;
    const epoch = repeat?.epoch ?? STATIC;
    const classes = repeat?.class === undefined ? 0 : numberIn(this.#classes, repeat.class.of);
    const zoneNumber = 2 * (numberIn(this.#zones, zone) - 1) + (zone.signer === undefined ? 0 : 1);
    const same =
      this.#names[row] === name &&
      rows[at + ROW.stamp] === this.#stamp &&
      rows[at + ROW.epoch] === epoch &&
      rows[at + ROW.zone] === zoneNumber &&
      rows[at + ROW.classes] === classes;
    if (!same) {
      rows.fill(0, at, at + ROW_WORDS);
      this.#names[row] = name;
      rows[at + ROW.stamp] = this.#stamp;
      rows[at + ROW.epoch] = epoch;
      rows[at + ROW.zone] = zoneNumber;
      rows[at + ROW.classes] = classes;
    }
    rows[at + ROW.drawings + number - 1] = drawing;
  }

  #draw(drawing: number): void {
    const start = this.#drawings[drawing * DRAWING_WORDS] ?? 0;
    const count = this.#drawings[drawing * DRAWING_WORDS + 1] ?? 0;
    const stretches = this.#stretches;
    let at = start * STRETCH_WORDS;
    if (count > 1) {
      const point = (this.#moment?.random() ?? 0) * WHOLE;
      for (let left = count; left > 1 && point >= (stretches[at] ?? 0); left -= 1) at += STRETCH_WORDS;
    }
    this.from = stretches[at + 1] ?? 0;
    this.to = this.from + (stretches[at + 2] ?? 0);
    this.answers = stretches[at + 3] ?? 0;
  }

  /** Its number; 0 when there is nothing to draw. */
  #drawingFor(sets: readonly RRset[], weights: readonly number[]): number {
    let sum = 0;
    for (const weight of weights) sum += weight;
    if (!(sum > 0)) return 0;
    const words: number[] = [];
    let below = 0;
    for (const [index, set] of sets.entries()) {
      const place = this.#placeOf(set);
      if (place === undefined) return 0;
      below += weights[index] ?? 0;
      words.push(Math.round((below / sum) * WHOLE), place.from, place.length, set.records.length);
    }
    const key = words.join(' ');
    const known = this.#drawingOf.get(key);
    if (known !== undefined) return known;
    this.#drawn += 1;
    this.#drawings[this.#drawn * DRAWING_WORDS] = this.#stretched;
    this.#drawings[this.#drawn * DRAWING_WORDS + 1] = sets.length;
    this.#stretches.set(words, this.#stretched * STRETCH_WORDS);
    this.#stretched += sets.length;
    this.#drawingOf.set(key, this.#drawn);
    return this.#drawn;
  }

  #placeOf(set: RRset): { readonly from: number; readonly length: number } | undefined {
    const known = this.#places.get(set);
    if (known !== undefined) return known;
    const { wire } = set;
    if (wire === undefined || wire.length > MAX_READY_OCTETS) return undefined;
    const place = { from: this.#filled, length: wire.length };
    this.ready.set(wire, this.#filled);
    this.#filled += wire.length;
    this.#places.set(set, place);
    return place;
  }

  #hasRoomFor(sets: readonly RRset[]): boolean {
    return (
      this.#filled + sets.length * MAX_READY_OCTETS <= READY_OCTETS &&
      this.#drawn + 2 < MAX_DRAWINGS &&
      this.#stretched + sets.length < MAX_STRETCHES
    );
  }

  #forget(table: AnswerTable): void {
    this.#table = table;
    this.#moment = undefined;
    this.#stamp = (this.#stamp + 1) | 0;
    this.#zones.length = 0;
    this.#classes.length = 0;
    this.#places.clear();
    this.#drawingOf.clear();
    this.#drawn = 0;
    this.#stretched = 0;
    this.#filled = 0;
  }
}

/** A and AAAA have a row for each name that is held; -1 for all else. */
function rowOf({ nameSlot, type }: Query): number {
  if (nameSlot < 0) return -1;
  return type === TYPE.A ? 2 * nameSlot : type === TYPE.AAAA ? 2 * nameSlot + 1 : -1;
}

/** One set of the type asked for, of the name asked for itself, and nothing else. */
function isPlain({ name, type }: Query, decision: Decision): boolean {
  const { answer, authority, additional, rcode, authoritative, source } = decision;
  return (
    rcode === RCODE.NOERROR &&
    authoritative &&
    answer.length === 1 &&
    authority.length === 0 &&
    additional.length === 0 &&
    answer[0]?.owner === name &&
    answer[0].set.type === type &&
    source === name
  );
}

/** Its number in the list, from 1; it is added when it is not there. */
function numberIn<T>(list: T[], one: T): number {
  const at = list.indexOf(one);
  return at < 0 ? list.push(one) : at + 1;
}

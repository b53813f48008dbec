import { TYPE } from '../types.ts';
import { malformed } from '../wire/reader.ts';
import type { RecordType } from './contract.ts';
import type { Fields } from './fields.ts';

/** Where on earth something stands (RFC 1876). */
export interface LocRdata {
  readonly type: 'LOC';
  /** Diameter and precisions in centimetres. */
  readonly sizeCentimetres: Precision;
  readonly horizontalCentimetres: Precision;
  readonly verticalCentimetres: Precision;
  /** Thousandths of a second of arc; north and east are positive. */
  readonly latitude: number;
  readonly longitude: number;
  /** Centimetres above the WGS 84 ellipsoid, from -100,000 m. */
  readonly altitudeCentimetres: number;
}

/** A digit and a power of ten, as the wire has it (section 2): 0 to 9e9 centimetres. */
interface Precision {
  readonly digit: number;
  readonly exponent: number;
}

const EQUATOR = 2 ** 31;
const ALTITUDE_BASE = 10_000_000; // centimetres
const DEGREE = 3_600_000;
const MOST_ALTITUDE = 2 ** 32 - 1 - ALTITUDE_BASE;

export const LOC: RecordType<LocRdata> = {
  code: TYPE.LOC,
  example: '52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m',
  compresses: false,
  parse(fields) {
    const latitude = angle(fields, 'the latitude', 90, 'N', 'S');
    const longitude = angle(fields, 'the longitude', 180, 'E', 'W');
    const altitudeCentimetres = metres(fields, 'the altitude');
    if (altitudeCentimetres < -ALTITUDE_BASE || altitudeCentimetres > MOST_ALTITUDE)
      fields.fail('the altitude is not from -100000m to 42849672.95m');
    const precision = (field: string, otherwise: Precision): Precision =>
      fields.done ? otherwise : precisionOf(fields, field);
    return {
      type: 'LOC',
      latitude,
      longitude,
      altitudeCentimetres,
      sizeCentimetres: precision('the size', { digit: 1, exponent: 2 }),
      horizontalCentimetres: precision('the horizontal precision', { digit: 1, exponent: 6 }),
      verticalCentimetres: precision('the vertical precision', { digit: 1, exponent: 3 }),
    };
  },
  format: (r) =>
    [
      angleText(r.latitude, 'N', 'S'),
      angleText(r.longitude, 'E', 'W'),
      `${metresText(r.altitudeCentimetres, true)}m`,
      ...[r.sizeCentimetres, r.horizontalCentimetres, r.verticalCentimetres].map(
        (p) => `${metresText(p.digit * 10 ** p.exponent, false)}m`,
      ),
    ].join(' '),
  encode(rdata, writer) {
    writer.u8(0);
    for (const p of [rdata.sizeCentimetres, rdata.horizontalCentimetres, rdata.verticalCentimetres])
      writer.u8((p.digit << 4) | p.exponent);
    writer.u32(EQUATOR + rdata.latitude);
    writer.u32(EQUATOR + rdata.longitude);
    writer.u32(rdata.altitudeCentimetres + ALTITUDE_BASE);
  },
  decode(reader) {
    if (reader.u8() !== 0) malformed('a LOC record has a version other than 0');
    const precision = (): Precision => {
      const octet = reader.u8();
      const [digit, exponent] = [octet >> 4, octet & 0xf];
      if (digit > 9 || exponent > 9 || (digit === 0 && exponent > 0))
        malformed('a LOC precision is no number');
      return { digit, exponent };
    };
    const [sizeCentimetres, horizontalCentimetres, verticalCentimetres] = [
      precision(),
      precision(),
      precision(),
    ];
    const latitude = reader.u32() - EQUATOR;
    const longitude = reader.u32() - EQUATOR;
    if (Math.abs(latitude) > 90 * DEGREE || Math.abs(longitude) > 180 * DEGREE)
      malformed('a LOC record lies beyond a pole or the date line');
    return {
      type: 'LOC',
      sizeCentimetres,
      horizontalCentimetres,
      verticalCentimetres,
      latitude,
      longitude,
      altitudeCentimetres: reader.u32() - ALTITUDE_BASE,
    };
  },
};

/** `52 22 23.5 N`; minutes and seconds may be missing. */
function angle(fields: Fields, field: string, most: number, plus: string, minus: string): number {
  const parts: number[] = [];
  for (;;) {
    const word = fields.word(field);
    const letter = word.toUpperCase();
    if (parts.length > 0 && (letter === plus || letter === minus)) {
      const [degrees = 0, minutes = 0, seconds = 0] = parts;
      const value = degrees * DEGREE + minutes * 60_000 + Math.round(seconds * 1000);
      if (minutes > 59 || seconds >= 60 || value > most * DEGREE)
        fields.fail(`${field} is not from 0 to ${most} degrees`);
      return letter === plus || value === 0 ? value : -value;
    }
    const shape = parts.length === 2 ? /^\d{1,2}(\.\d{1,3})?$/ : /^\d{1,3}$/;
    if (parts.length === 3 || !shape.test(word))
      fields.fail(
        `${field} has "${word}" where degrees, minutes, seconds or ${plus} or ${minus} was to stand`,
      );
    parts.push(Number(word));
  }
}

/** Metres with up to two decimals, `m` at the end or not; in centimetres. */
function metres(fields: Fields, field: string): number {
  const text = fields.word(field);
  const [, sign, whole, part = ''] = /^([-+]?)(\d{1,8})(?:\.(\d{1,2}))?m?$/i.exec(text) ?? [];
  if (whole === undefined) return fields.fail(`${field} is "${text}", not metres such as 10m or -2.50m`);
  const value = Number(whole) * 100 + Number(part.padEnd(2, '0'));
  return sign === '-' && value > 0 ? -value : value;
}

/** Rounded down to one digit, as the wire has no more (section 2). */
function precisionOf(fields: Fields, field: string): Precision {
  const value = metres(fields, field);
  if (value < 0 || value > 9e9) fields.fail(`${field} is not from 0m to 90000000m`);
  const digits = String(value);
  return value === 0
    ? { digit: 0, exponent: 0 }
    : { digit: Number(digits.charAt(0)), exponent: digits.length - 1 };
}

function angleText(value: number, plus: string, minus: string): string {
  const all = Math.abs(value);
  const seconds = ((all % 60_000) / 1000).toFixed(3);
  return `${Math.floor(all / DEGREE)} ${Math.floor((all % DEGREE) / 60_000)} ${seconds} ${value < 0 ? minus : plus}`;
}

/** Precisions have no decimals from one metre on, as other programs print them. */
function metresText(centimetres: number, always: boolean): string {
  if (!always && centimetres >= 100) return String(centimetres / 100);
  return (centimetres / 100).toFixed(2);
}

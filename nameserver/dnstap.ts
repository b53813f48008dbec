import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { MAX_NAME_OCTETS, parseName } from '../src/dns/name.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';
import { maskOctets } from '../src/routing/cidr-index.ts';
import type { QueryLogSettings } from './settings.ts';
import type { Transport } from './statistics.ts';

/* Field numbers of dnstap.proto. */
const DNSTAP = { identity: 1, message: 14, type: 15 } as const;
const MESSAGE_TYPE = 1;
const MESSAGE = {
  type: 1,
  socketFamily: 2,
  socketProtocol: 3,
  queryAddress: 4,
  queryTimeSec: 8,
  queryTimeNsec: 9,
  queryMessage: 10,
  queryZone: 11,
  responseTimeSec: 12,
  responseTimeNsec: 13,
  responseMessage: 14,
} as const;
const AUTH_QUERY = 1;
const AUTH_RESPONSE = 2;
const FAMILY = { ipv4: 1, ipv6: 2 } as const;
const PROTOCOL = { udp: 1, tcp: 2, tls: 3 } as const;

export interface Tapped {
  readonly identity: string | undefined;
  /** 4 or 16 octets, already cut to the prefix; `undefined`: unknown. */
  readonly client: Uint8Array | undefined;
  readonly transport: Transport | 'tls';
  /** Milliseconds since 1970, with fractions. */
  readonly atMs: number;
  readonly query: Uint8Array;
  readonly response: Uint8Array;
  /** Origin; empty when no zone answered. */
  readonly zone: string;
  readonly clientPrefix: QueryLogSettings['clientPrefix'];
}

/** AUTH_QUERY and AUTH_RESPONSE of one query, as two data frames. */
export function dnstapFrames(tapped: Tapped): Uint8Array {
  const { clientPrefix } = tapped;
  const query = withMaskedSubnet(tapped.query, clientPrefix);
  const response = withMaskedSubnet(tapped.response, clientPrefix);
  const first = payload(tapped, AUTH_QUERY, (message) => {
    message.tag(MESSAGE.queryMessage, WireType.LengthDelimited).bytes(query);
  });
  const second = payload(tapped, AUTH_RESPONSE, (message) => {
    if (tapped.zone !== '')
      message.tag(MESSAGE.queryZone, WireType.LengthDelimited).bytes(wireName(tapped.zone));
    time(message, MESSAGE.responseTimeSec, MESSAGE.responseTimeNsec, tapped.atMs);
    message.tag(MESSAGE.responseMessage, WireType.LengthDelimited).bytes(response);
  });
  const frames = new Uint8Array(8 + first.length + second.length);
  const view = new DataView(frames.buffer);
  view.setUint32(0, first.length);
  frames.set(first, 4);
  view.setUint32(4 + first.length, second.length);
  frames.set(second, 8 + first.length);
  return frames;
}

function payload(tapped: Tapped, type: number, rest: (message: BinaryWriter) => void): Uint8Array {
  const { identity, client, transport, atMs } = tapped;
  const writer = new BinaryWriter();
  if (identity !== undefined) writer.tag(DNSTAP.identity, WireType.LengthDelimited).string(identity);
  writer.tag(DNSTAP.message, WireType.LengthDelimited).fork();
  writer.tag(MESSAGE.type, WireType.Varint).uint32(type);
  if (client !== undefined) {
    writer.tag(MESSAGE.socketFamily, WireType.Varint).uint32(client.length === 4 ? FAMILY.ipv4 : FAMILY.ipv6);
  }
  writer.tag(MESSAGE.socketProtocol, WireType.Varint).uint32(PROTOCOL[transport]);
  if (client !== undefined) writer.tag(MESSAGE.queryAddress, WireType.LengthDelimited).bytes(client);
  time(writer, MESSAGE.queryTimeSec, MESSAGE.queryTimeNsec, atMs);
  rest(writer);
  writer.join();
  writer.tag(DNSTAP.type, WireType.Varint).uint32(MESSAGE_TYPE);
  return writer.finish();
}

function time(writer: BinaryWriter, seconds: number, nanoseconds: number, atMs: number): void {
  const whole = Math.floor(atMs / 1000);
  writer.tag(seconds, WireType.Varint).uint64(whole);
  writer.tag(nanoseconds, WireType.Bit32).fixed32(Math.floor((atMs - whole * 1000) * 1_000_000));
}

const names = new WireWriter(MAX_NAME_OCTETS);

/** A name in wire form, without compression; read it before the next one is made. */
function wireName(name: string): Uint8Array {
  names.reset();
  names.plainName(parseName(name));
  return names.buffer.subarray(0, names.offset);
}

const OPT = 41;
const CLIENT_SUBNET = 8;

/**
 * The message, or a copy in which the client subnet (RFC 7871) ends where addresses are cut: what is left out of the client's address
 * must not stand in the message beside it.
 */
export function withMaskedSubnet(message: Uint8Array, prefix: QueryLogSettings['clientPrefix']): Uint8Array {
  if (prefix.ipv4 === 32 && prefix.ipv6 === 128) return message;
  const data = optData(message);
  if (data === undefined) return message;
  let at = data.from;
  while (at + 4 <= data.to) {
    const code = u16(message, at);
    const end = at + 4 + u16(message, at + 2);
    if (code === CLIENT_SUBNET && end <= data.to && end - at >= 8) {
      const copy = Uint8Array.from(message);
      const bits = u16(message, at + 4) === 1 ? prefix.ipv4 : prefix.ipv6;
      copy.set(maskOctets(message.subarray(at + 8, end), bits), at + 8);
      copy[at + 6] = Math.min(bits, message[at + 6] ?? 0);
      return copy;
    }
    at = end;
  }
  return message;
}

/** Where the options of a message stand; `undefined` when it has none, or cannot be read that far. */
function optData(message: Uint8Array): { readonly from: number; readonly to: number } | undefined {
  if (message.length < 12) return undefined;
  let at = 12;
  for (let left = u16(message, 4); left > 0; left -= 1) at = afterName(message, at) + 4;
  let records = u16(message, 6) + u16(message, 8) + u16(message, 10);
  for (; records > 0 && at < message.length; records -= 1) {
    const body = afterName(message, at);
    const from = body + 10;
    const to = from + u16(message, body + 8);
    if (u16(message, body) === OPT) return to <= message.length ? { from, to } : undefined;
    at = to;
  }
  return undefined;
}

/** Past a name, which may end in a compression pointer. */
function afterName(message: Uint8Array, from: number): number {
  let at = from;
  while (at < message.length) {
    const label = message[at] ?? 0;
    if (label === 0) return at + 1;
    if (label >= 0xc0) return at + 2;
    at += label + 1;
  }
  return at;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

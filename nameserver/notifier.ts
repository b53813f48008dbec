import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import { formatClient, resolverAddress } from '../src/dns/client.ts';
import type { DomainName } from '../src/dns/name.ts';
import type { AnswerTable } from '../src/dns/table.ts';
import { signRequest, type TsigVerifier } from '../src/dns/tsig.ts';
import { CLASS, OPCODE, RCODE, rcodeName, TYPE } from '../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../src/dns/wire/message.ts';
import type { Zone } from '../src/dns/zone.ts';
import { messageOf } from '../src/errors/error.ts';
import type { Counters, Metric } from '../src/telemetry/counters.ts';
import type { NotifyTarget, TransferPlan } from './transfer-plan.ts';

export interface NotifierOptions {
  readonly table: () => AnswerTable | undefined;
  readonly plan: () => TransferPlan | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since 1970: signatures have a time. */
  readonly wallMs: () => number;
  readonly counters: Counters;
  readonly log: { warn(details: object, message: string): void };
  /** The addresses the name server listens on: secondaries know it by these. */
  readonly listen?: readonly string[] | undefined;
  /** Milliseconds to the first repetition; each further one waits twice as long. */
  readonly firstRetryMs?: number | undefined;
}

export interface Notifier {
  /** NOTIFY messages that nobody acknowledged yet and that will be sent again. */
  readonly pending: number;
  close(): Promise<void>;
}

const NOTIFIES: Metric = {
  name: 'portolan_dns_notifies_total',
  help: 'Secondaries told of a new version of a zone (NOTIFY), by how that ended.',
  type: 'counter',
};

/** How often the table is looked at for zones with a new serial. */
const LOOK_EVERY_MS = 250;
const FIRST_RETRY_MS = 2000;
/** The first one and five repetitions (RFC 1996 section 3.6): about a minute. */
const ATTEMPTS = 6;
/** Of all zones and targets: a start with many zones spreads over some seconds. */
const MESSAGES_PER_LOOK = 100;

/** What one secondary knows of one zone. At most one of these for each target that a zone names. */
interface Told {
  serial: number;
  state: 'asking' | 'told' | 'silent';
  attempts: number;
  nextAt: number;
  id: number;
  answers: TsigVerifier | undefined;
}

/**
 * Tells secondaries when a zone they copy has a new serial, and once at the start (RFC 1996). Over UDP, signed where the target
 * names a key, repeated with growing pauses until it is acknowledged. A secondary that stays silent is told again of the
 * next version; its own refresh timer covers the time until then.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  const { now, log } = options;
  const firstRetryMs = options.firstRetryMs ?? FIRST_RETRY_MS;
  const told = new Map<string, Told>();
  const sockets = new Map<string, Socket>();
  let closed = false;

  const count = (zone: DomainName, outcome: string): void =>
    options.counters.counter(NOTIFIES, { zone, outcome }).add();

  const socketFor = (address: string): Socket => {
    const source = sourceFor(address, options.listen ?? []);
    const key = source ?? (isIPv6(address) ? '::' : '0.0.0.0');
    const known = sockets.get(key);
    if (known !== undefined) return known;
    const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' });
    socket.on('error', (err) => log.warn({ err }, 'a NOTIFY could not be sent'));
    socket.on('message', (bytes, peer) => hear(bytes, peer.address, peer.port));
    if (source !== undefined) socket.bind({ address: source, port: 0 });
    socket.unref();
    sockets.set(key, socket);
    return socket;
  };

  const send = (zone: Zone, target: NotifyTarget, entry: Told): void => {
    entry.attempts += 1;
    entry.nextAt = now() + firstRetryMs * 2 ** (entry.attempts - 1);
    entry.id = randomInt(0x1_0000);
    let bytes = encodeMessage(notifyOf(zone, entry.id));
    entry.answers = undefined;
    if (target.key !== undefined) {
      const nowSeconds = Math.floor(options.wallMs() / 1000);
      ({ message: bytes, answers: entry.answers } = signRequest(bytes, target.key, nowSeconds));
    }
    socketFor(target.address).send(bytes, target.port, target.address, (err) => {
      if (err !== null && !closed)
        log.warn({ err, zone: zone.origin, target: nameOf(target) }, 'a NOTIFY could not be sent');
    });
  };

  const look = (): void => {
    const zones = options.plan()?.zones;
    const table = options.table();
    if (zones === undefined || table === undefined) return;
    const wanted = new Set<string>();
    let sent = 0;
    for (const zone of table.zones) {
      for (const target of zones.get(zone.origin)?.notify ?? []) {
        const key = keyOf(zone.origin, target.address, target.port);
        wanted.add(key);
        if (sent >= MESSAGES_PER_LOOK) continue;
        let entry = told.get(key);
        if (entry?.serial !== zone.serial) {
          entry = {
            serial: zone.serial,
            state: 'asking',
            attempts: 0,
            nextAt: 0,
            id: -1,
            answers: undefined,
          };
          told.set(key, entry);
        }
        if (entry.state !== 'asking' || now() < entry.nextAt) continue;
        if (entry.attempts < ATTEMPTS) {
          send(zone, target, entry);
          sent += 1;
          continue;
        }
        entry.state = 'silent';
        count(zone.origin, 'silent');
        log.warn(
          { zone: zone.origin, serial: zone.serial, target: nameOf(target), attempts: ATTEMPTS },
          'a secondary does not acknowledge NOTIFY; it gets the change when its refresh timer ends',
        );
      }
    }
    for (const key of told.keys()) if (!wanted.has(key)) told.delete(key);
  };

  const hear = (bytes: Uint8Array, address: string, port: number): void => {
    let message: Message;
    try {
      message = decodeMessage(bytes);
    } catch {
      return; // whatever that was, it is no acknowledgement
    }
    const [question] = message.questions;
    if (!message.flags.response || message.opcode !== OPCODE.NOTIFY || question === undefined) return;
    const entry = told.get(keyOf(question.name, address, port));
    if (entry?.state !== 'asking' || entry.id !== message.id) return;
    const details = { zone: question.name, serial: entry.serial, target: `${address} port ${port}` };
    try {
      entry.answers?.accept(bytes, Math.floor(options.wallMs() / 1000));
    } catch (thrown) {
      log.warn({ ...details, reason: messageOf(thrown) }, 'an acknowledgement of NOTIFY is not taken');
      return;
    }
    entry.state = 'told';
    count(question.name, message.rcode === RCODE.NOERROR ? 'acknowledged' : 'refused');
    if (message.rcode !== RCODE.NOERROR)
      log.warn({ ...details, rcode: rcodeName(message.rcode) }, 'a secondary refuses NOTIFY');
  };

  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  look();
  return {
    get pending() {
      let count = 0;
      for (const { state } of told.values()) if (state === 'asking') count += 1;
      return count;
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await Promise.all(
        [...sockets.values()].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
      );
    },
  };
}

/**
 * A secondary takes NOTIFY from the addresses it knows its primaries by, which need not be what the system would send from.
 * `undefined` leaves it to the system: with several addresses, or with none in particular, nobody knows which one is meant.
 */
function sourceFor(target: string, listen: readonly string[]): string | undefined {
  const same = new Set(listen.filter((host) => isIP(host) === isIP(target)));
  const [only] = same;
  if (only === undefined || same.size > 1 || only === '0.0.0.0' || only === '::') return undefined;
  return isLoopback(only) === isLoopback(target) ? only : undefined;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** Opcode NOTIFY, AA, the zone as the question, and its SOA as a hint (RFC 1996 sections 3.7 and 4.7). */
function notifyOf(zone: Zone, id: number): Message {
  const query = makeQuery(id, { name: zone.origin, type: TYPE.SOA, class: CLASS.IN });
  const [rdata] = zone.soa.records;
  const soa = { name: zone.origin, type: TYPE.SOA, class: CLASS.IN, ttlSeconds: zone.soa.ttlSeconds };
  return {
    ...query,
    opcode: OPCODE.NOTIFY,
    flags: { ...query.flags, authoritative: true },
    answers: rdata === undefined ? [] : [{ ...soa, rdata }],
    edns: undefined,
  };
}

/** An address has several spellings. */
function keyOf(zone: DomainName, address: string, port: number): string {
  const client = resolverAddress(address);
  return `${zone} ${client === undefined ? address : formatClient(client)} ${port}`;
}

function nameOf({ address, port }: NotifyTarget): string {
  return `${address} port ${port}`;
}

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { openGeoDatabase } from '../../nameserver/geo-database.ts';
import { type ClientAddress, resolverAddress } from '../../src/dns/client.ts';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/records/catalogue.ts';
import { momentaryRRset, type OwnedRRset } from '../../src/dns/rrset.ts';
import { parseType, RCODE, typeName } from '../../src/dns/types.ts';
import { clientOfQuery } from '../../src/dns/wire/edns.ts';
import { parseQuery, type Query } from '../../src/dns/wire/query.ts';
import { answerLimit, encodeResponse, type Response } from '../../src/dns/wire/response.ts';
import { WireWriter } from '../../src/dns/wire/writer.ts';
import type { GeoLookup } from '../../src/routing/model.ts';

/** A record in an answer; `data` in presentation form, as `RecordSet.values` has it. */
export interface FrontRecord {
  readonly name: string;
  readonly type: string;
  readonly ttlSeconds: number;
  readonly data: string;
}

export interface FrontQuestion {
  readonly name: DomainName;
  /** `A`, `TYPE65280`. */
  readonly type: string;
  /** The client subnet of the query, else where it came from. */
  readonly client: ClientAddress;
  readonly transport: 'udp' | 'tcp';
}

export interface FrontAnswer {
  /** Default: NOERROR. */
  readonly rcode?: number;
  /** Default: yes. */
  readonly aa?: boolean;
  readonly answers: readonly FrontRecord[];
  readonly authority?: readonly FrontRecord[];
  /** Prefix of the client's network over which the answer is the same. */
  readonly ecsScope?: number;
}

export interface DnsFrontOptions {
  /** What is answered; `undefined`: nothing at all, as by a server that is down. A rejection is SERVFAIL. */
  readonly answer: (question: FrontQuestion) => FrontAnswer | undefined | Promise<FrontAnswer | undefined>;
  /** Default: 127.0.0.1. Another one of 127.0.0.0/8 makes several servers with one port each. */
  readonly address?: string;
}

export interface DnsFront {
  readonly address: string;
  /** Of both UDP and TCP. */
  readonly port: number;
  close(): Promise<void>;
}

/** How often another port is tried when the UDP port that the system gave is taken for TCP. */
const PORT_TRIES = 20;

/** The name servers of a cloud that tests have a fake of: real DNS over UDP and TCP, answers from a function. */
export async function startDnsFront({ answer, address = '127.0.0.1' }: DnsFrontOptions): Promise<DnsFront> {
  for (let tries = 0; ; tries += 1) {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind({ port: 0, address }, resolve);
    });
    const { port } = udp.address();
    const tcp = createServer({ noDelay: true });
    try {
      await new Promise<void>((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen(port, address, resolve);
      });
    } catch (error) {
      udp.close();
      if (tries < PORT_TRIES) continue;
      throw error;
    }
    const sockets = serve(udp, tcp, answer);
    return { address, port, close: sockets.close };
  }
}

function serve(
  udp: UdpSocket,
  tcp: Server,
  answer: DnsFrontOptions['answer'],
): { readonly close: () => Promise<void> } {
  let open = true;
  udp.on('error', () => undefined);
  udp.on('message', (bytes, peer) => {
    void reply(bytes, peer.address, 'udp', answer).then((message) => {
      if (open && message !== undefined) udp.send(message, peer.port, peer.address);
    });
  });
  const connections = new Set<{ destroy(): void }>();
  tcp.on('connection', (socket) => {
    connections.add(socket);
    let pending: Buffer = Buffer.alloc(0);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const query = Buffer.from(pending.subarray(2, end));
        pending = pending.subarray(end);
        void reply(query, socket.remoteAddress ?? '', 'tcp', answer).then((message) => {
          if (message === undefined || socket.destroyed) return;
          const frame = Buffer.alloc(2 + message.length);
          frame.writeUInt16BE(message.length, 0);
          frame.set(message, 2);
          socket.write(frame);
        });
      }
    });
  });
  return {
    async close() {
      open = false;
      for (const connection of connections) connection.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
}

async function reply(
  bytes: Uint8Array,
  peer: string,
  transport: 'udp' | 'tcp',
  answer: DnsFrontOptions['answer'],
): Promise<Uint8Array | undefined> {
  const query = parseQuery(bytes);
  if (query === undefined) return undefined;
  if (query.problem !== RCODE.NOERROR || query.questionEnd === 12) {
    return encoded(
      query,
      failure(query.problem === RCODE.NOERROR ? RCODE.FORMERR : query.problem),
      transport,
    );
  }
  const client = clientOfQuery(
    query.edns,
    () =>
      resolverAddress(peer) ?? { family: 4, bytes: new Uint8Array(4), prefixLength: 32, source: 'resolver' },
  );
  try {
    const given = await answer({ name: query.name, type: typeName(query.type), client, transport });
    return given === undefined ? undefined : encoded(query, responseOf(given), transport);
  } catch {
    return encoded(query, failure(RCODE.SERVFAIL), transport);
  }
}

function responseOf(given: FrontAnswer): Response {
  return {
    rcode: given.rcode ?? RCODE.NOERROR,
    authoritative: given.aa ?? true,
    answer: rrsets(given.answers),
    authority: rrsets(given.authority ?? []),
    additional: [],
    requiredAdditional: 0,
    ecsScope: given.ecsScope ?? 0,
  };
}

function failure(rcode: number): Response {
  return {
    rcode,
    authoritative: false,
    answer: [],
    authority: [],
    additional: [],
    requiredAdditional: 0,
    ecsScope: 0,
  };
}

/** Records of one name, type and TTL that follow each other are one set. */
function rrsets(records: readonly FrontRecord[]): readonly OwnedRRset[] {
  const runs: FrontRecord[][] = [];
  for (const record of records) {
    const [previous] = runs.at(-1) ?? [];
    const same =
      previous?.name === record.name &&
      previous.type === record.type &&
      previous.ttlSeconds === record.ttlSeconds;
    if (same) runs.at(-1)?.push(record);
    else runs.push([record]);
  }
  return runs.flatMap((run) => {
    const [first] = run;
    if (first === undefined) return [];
    const type = parseType(first.type);
    if (type === undefined) throw new Error(`${first.type} is no record type`);
    const data = run.map((record) => parseRdata(type, record.data));
    return [{ owner: parseName(first.name), set: momentaryRRset(type, first.ttlSeconds, data) }];
  });
}

function encoded(query: Query, response: Response, transport: 'udp' | 'tcp'): Uint8Array {
  const writer = new WireWriter();
  encodeResponse(query, response, writer, answerLimit(query, transport));
  return Uint8Array.from(writer.buffer.subarray(0, writer.offset));
}

let database: Promise<GeoLookup> | undefined;

/**
 * Where a client is by the packaged GeoIP database, as a cloud would find it with its own.
 * @returns undefined when unknown
 */
export async function country(client: ClientAddress): Promise<string | undefined> {
  database ??= openGeoDatabase(undefined);
  return (await database).locate(client).location.country;
}

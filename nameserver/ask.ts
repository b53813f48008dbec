import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { ClientAddress } from '../src/dns/client.ts';
import type { DomainName } from '../src/dns/name.ts';
import { formatRdata } from '../src/dns/records/catalogue.ts';
import { CLASS, EDNS_OPTION } from '../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../src/dns/wire/message.ts';
import { PortolanError } from '../src/errors/error.ts';

export interface DnsQuestion {
  /** Name server. */
  readonly host: string;
  readonly port: number;
  readonly name: DomainName;
  readonly type: number;
  /** Sent as EDNS client subnet (RFC 7871). */
  readonly subnet?: ClientAddress;
  readonly timeoutMs: number;
  /** Default: UDP. */
  readonly transport?: 'udp' | 'tcp';
}

export interface DnsReply {
  readonly rcode: number;
  /** Answer section, in presentation form of the data. */
  readonly answers: readonly {
    readonly name: string;
    readonly type: number;
    readonly ttlSeconds: number;
    readonly data: string;
  }[];
  readonly truncated: boolean;
  readonly message: Message;
}

/**
 * Asks one name server and takes only the reply to this question. For watching what is really answered.
 * @throws PortolanError NAME_SERVER_SILENT when no reply came in time
 */
export function askNameServer(question: DnsQuestion): Promise<DnsReply> {
  const { name, type } = question;
  const id = randomInt(0x1_0000);
  const query = makeQuery(
    id,
    { name, type, class: CLASS.IN },
    question.subnet === undefined ? {} : { ednsOptions: [subnetOption(question.subnet)] },
  );
  const bytes = encodeMessage(query);
  return question.transport === 'tcp' ? askByTcp(question, id, bytes) : askByUdp(question, id, bytes);
}

function askByUdp({ host, port, name, timeoutMs }: DnsQuestion, id: number, query: Uint8Array) {
  return new Promise<DnsReply>((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const end = (): void => {
      clearTimeout(deadline);
      socket.close();
    };
    const deadline = setTimeout(() => {
      end();
      reject(
        new PortolanError('NAME_SERVER_SILENT', `${host}:${port} did not answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
    socket.on('error', (error) => {
      end();
      reject(new PortolanError('NAME_SERVER_SILENT', `${host}:${port}: ${error.message}`, { cause: error }));
    });
    socket.on('message', (bytes) => {
      const reply = readReply(bytes, id, name);
      if (reply === undefined) return;
      end();
      resolve(reply);
    });
    // Connected, so that a closed port is noticed at once and only this server's datagrams are taken.
    socket.connect(port, host, () => socket.send(query));
  });
}

/** RFC 7766, one query on a connection of its own. */
function askByTcp({ host, port, name, timeoutMs }: DnsQuestion, id: number, query: Uint8Array) {
  return new Promise<DnsReply>((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const pending: Uint8Array[] = [];
    const fail = (why: string, cause?: Error): void => {
      clearTimeout(deadline);
      socket.destroy();
      reject(new PortolanError('NAME_SERVER_SILENT', `${host}:${port} over TCP ${why}`, { cause }));
    };
    const deadline = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    socket.on('error', (error) => fail(`failed: ${error.message}`, error));
    socket.on('close', () => fail('closed the connection'));
    socket.on('connect', () => {
      const frame = Buffer.alloc(2 + query.length);
      frame.writeUInt16BE(query.length, 0);
      frame.set(query, 2);
      socket.write(frame);
    });
    socket.on('data', (chunk) => {
      pending.push(chunk);
      const bytes = Buffer.concat(pending);
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return;
      const reply = readReply(bytes.subarray(2, 2 + bytes.readUInt16BE(0)), id, name);
      if (reply === undefined) {
        fail('answered something else');
        return;
      }
      clearTimeout(deadline);
      resolve(reply);
      socket.destroy();
    });
  });
}

function readReply(bytes: Uint8Array, id: number, name: DomainName): DnsReply | undefined {
  let message: Message;
  try {
    message = decodeMessage(bytes);
  } catch {
    return undefined;
  }
  if (message.id !== id || !message.flags.response || message.questions[0]?.name !== name) return undefined;
  return {
    rcode: message.rcode,
    truncated: message.flags.truncated,
    answers: message.answers.map((r) => ({
      name: r.name,
      type: r.type,
      ttlSeconds: r.ttlSeconds,
      data: formatRdata(r.rdata),
    })),
    message,
  };
}

/** RFC 7871 section 6: family, source prefix length, scope 0, and as many octets of the address as the prefix needs. */
function subnetOption(subnet: ClientAddress): { readonly code: number; readonly data: Uint8Array } {
  const octets = Math.ceil(subnet.prefixLength / 8);
  const data = new Uint8Array(4 + octets);
  data[1] = subnet.family === 4 ? 1 : 2;
  data[2] = subnet.prefixLength;
  data.set(subnet.bytes.subarray(0, octets), 4);
  const spare = octets * 8 - subnet.prefixLength;
  const last = data.length - 1;
  if (octets > 0) data[last] = (data[last] ?? 0) & (0xff << spare);
  return { code: EDNS_OPTION.CLIENT_SUBNET, data };
}

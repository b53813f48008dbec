import { formatIp } from '../src/dns/address.ts';
import { resolverAddress } from '../src/dns/client.ts';
import { parseRcode, parseType, rcodeName, typeName } from '../src/dns/types.ts';
import { FLAG, type Query } from '../src/dns/wire/query.ts';
import { maskOctets } from '../src/routing/cidr-index.ts';
import { dnstapFrames } from './dnstap.ts';
import type { QueryLogSettings } from './settings.ts';
import type { Transport } from './statistics.ts';

/** A query and what was sent. The octets are only on loan. */
export interface AnsweredQuery {
  readonly query: Query;
  /** As the socket reports it. */
  readonly source: string;
  readonly transport: Transport;
  readonly rcode: number;
  /** Origin of the zone that answered; empty when none did. */
  readonly zone: string;
  readonly response: Uint8Array;
}

export interface QueryLoggerOptions {
  readonly settings: QueryLogSettings;
  /** The server's name in dnstap records. */
  readonly identity: string | undefined;
  /** Milliseconds since 1970, with fractions. */
  readonly wallMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Takes one record as it stands in the log. */
  readonly write: (record: Uint8Array) => void;
}

/** Chooses what is logged and makes records of it: a line of JSON, or a dnstap frame for the query and one for the response. */
export class QueryLogger {
  readonly #options: QueryLoggerOptions;
  readonly #rcodes: ReadonlySet<number | undefined> | undefined;
  readonly #types: ReadonlySet<number | undefined> | undefined;
  readonly #text = new TextEncoder();

  constructor(options: QueryLoggerOptions) {
    this.#options = options;
    const { rcodes, types } = options.settings.only;
    this.#rcodes = rcodes === undefined ? undefined : new Set(rcodes.map(parseRcode));
    this.#types = types === undefined ? undefined : new Set(types.map(parseType));
  }

  record(answered: AnsweredQuery): void {
    const { settings, random, wallMs, identity, write } = this.#options;
    const { query, rcode, source, transport, zone, response } = answered;
    if (this.#rcodes?.has(rcode) === false || this.#types?.has(query.type) === false) return;
    if (settings.sample < 1 && random() >= settings.sample) return;
    const address = resolverAddress(source);
    const bits = address === undefined ? 0 : settings.clientPrefix[address.family === 4 ? 'ipv4' : 'ipv6'];
    const client = address === undefined ? undefined : maskOctets(address.bytes, bits);
    const atMs = wallMs();
    if (settings.format === 'dnstap') {
      const { clientPrefix } = settings;
      write(
        dnstapFrames({ identity, client, transport, atMs, query: query.bytes, response, zone, clientPrefix }),
      );
      return;
    }
    const whole = address !== undefined && bits === address.bytes.length * 8;
    const subnet = query.edns?.clientSubnet;
    const flags = ((response[2] ?? 0) << 8) | (response[3] ?? 0);
    const line = {
      time: new Date(atMs).toISOString(),
      ...(client === undefined ? {} : { client: whole ? formatIp(client) : `${formatIp(client)}/${bits}` }),
      transport,
      name: query.name,
      type: typeName(query.type),
      ...(subnet === undefined ? {} : { subnet: subnetText(subnet, settings.clientPrefix) }),
      rcode: rcodeName(rcode),
      zone,
      octets: response.length,
      truncated: (flags & FLAG.TC) !== 0,
    };
    write(this.#text.encode(`${JSON.stringify(line)}\n`));
  }
}

/** The client subnet of a query, no longer than addresses are written. */
function subnetText(
  subnet: { readonly family: 0 | 1 | 2; readonly sourcePrefixLength: number; readonly address: Uint8Array },
  prefix: QueryLogSettings['clientPrefix'],
): string {
  if (subnet.family === 0) return '';
  const bytes = new Uint8Array(subnet.family === 1 ? 4 : 16);
  bytes.set(subnet.address.subarray(0, bytes.length));
  const bits = Math.min(subnet.sourcePrefixLength, subnet.family === 1 ? prefix.ipv4 : prefix.ipv6);
  return `${formatIp(maskOctets(bytes, bits))}/${bits}`;
}

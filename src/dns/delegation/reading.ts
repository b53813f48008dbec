import { formatIp } from '../address.ts';
import type { DomainName } from '../name.ts';
import type { Rdata } from '../records/catalogue.ts';
import { RCODE, rcodeName, TYPE } from '../types.ts';
import type { Message, ResourceRecord } from '../wire/message.ts';
import type { DelegationView, ParentServer, Reply, ServerAddress, ZoneServer } from './view.ts';

/** `ns1.example.com. (192.0.2.53)`; without the port when it is 53. */
export function serverText({ name, address, port }: ServerAddress): string {
  const where = port === 53 ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return name === '.' ? where : `${name} (${where})`;
}

/** What the zone above is called. */
export function aboveText({ parentZone }: DelegationView): string {
  return parentZone ?? 'the zone above';
}

export function messageIn(reply: Reply): Message | undefined {
  return reply.kind === 'message' ? reply.message : undefined;
}

type Typed<T extends Rdata['type']> = Extract<Rdata, { type: T }>;

/** Data of one type at one name in a section. */
export function dataOf<T extends Rdata['type']>(
  records: readonly ResourceRecord[] | undefined,
  owner: DomainName,
  type: T,
): readonly Typed<T>[] {
  return (records ?? []).flatMap((record) =>
    record.name === owner && isOfType(record.rdata, type) ? [record.rdata] : [],
  );
}

function isOfType<T extends Rdata['type']>(rdata: Rdata, type: T): rdata is Typed<T> {
  return rdata.type === type;
}

/** The delegation as one server of the zone above gives it; `undefined` when it gives none. */
export function delegationOf(
  server: ParentServer,
  zone: DomainName,
):
  | { readonly names: readonly DomainName[]; readonly glueOf: (name: DomainName) => readonly string[] }
  | undefined {
  const message = messageIn(server.referral);
  if (message === undefined || message.rcode !== RCODE.NOERROR) return undefined;
  const ns = [...dataOf(message.authorities, zone, 'NS'), ...dataOf(message.answers, zone, 'NS')];
  if (ns.length === 0) return undefined;
  const names = [...new Set(ns.map((rdata) => rdata.target))].sort();
  return { names, glueOf: (name) => addressesIn(message.additionals, name) };
}

export function addressesIn(
  records: readonly ResourceRecord[] | undefined,
  name: DomainName,
): readonly string[] {
  return [...dataOf(records, name, 'A'), ...dataOf(records, name, 'AAAA')]
    .map((rdata) => formatIp(rdata.address))
    .sort();
}

/** The SOA serial a server gives with authority over either transport. */
export function serialOf(server: ZoneServer, zone: DomainName): number | undefined {
  for (const reply of [server.udp, server.tcp]) {
    const message = messageIn(reply);
    if (message?.flags.authoritative !== true || message.rcode !== RCODE.NOERROR) continue;
    const [soa] = dataOf(message.answers, zone, 'SOA');
    if (soa !== undefined) return soa.serial;
  }
  return undefined;
}

/** Servers that answer for the zone with authority. */
export function authoritative(view: DelegationView): readonly ZoneServer[] {
  return view.servers.filter((server) => serialOf(server, view.zone) !== undefined);
}

/** The NS names that a server gives with authority. */
export function namesOf(server: ZoneServer, zone: DomainName): readonly DomainName[] {
  const message = messageIn(server.ns);
  if (message?.flags.authoritative !== true) return [];
  return [...new Set(dataOf(message.answers, zone, 'NS').map((rdata) => rdata.target))].sort();
}

/** The addresses of a name server that the zone itself gives. */
export function addressesInZone(view: DelegationView, name: DomainName): readonly string[] {
  for (const server of authoritative(view)) {
    const own = server.addresses.find((entry) => entry.name === name);
    const found = own?.replies.flatMap((reply) => addressesIn(messageIn(reply)?.answers, name)) ?? [];
    if (found.length > 0) return [...new Set(found)].sort();
  }
  return [];
}

/** The NS set the zone is to have: as the hub says, else as its servers do. */
export function wantedNames(view: DelegationView): readonly DomainName[] {
  if (view.wanted !== undefined) return view.wanted.nameServers.map((s) => s.name).sort();
  return (
    authoritative(view)
      .map((server) => namesOf(server, view.zone))
      .find((names) => names.length > 0) ?? []
  );
}

/** The addresses a name server is to have: as the hub says, else as the zone does. */
export function wantedAddresses(view: DelegationView, name: DomainName): readonly string[] {
  const wanted = view.wanted?.nameServers.find((s) => s.name === name)?.addresses ?? [];
  return wanted.length > 0 ? [...wanted].sort() : addressesInZone(view, name);
}

/** What a reply says, for people. */
export function replyText(reply: Reply): string {
  if (reply.kind === 'none') return reply.detail;
  const { rcode, flags, answers, authorities } = reply.message;
  if (rcode !== RCODE.NOERROR) return rcodeName(rcode);
  if (!flags.authoritative && authorities.some((r) => r.type === TYPE.NS)) return 'a referral elsewhere';
  if (!flags.authoritative) return 'an answer without authority';
  return answers.length === 0 ? 'no such record' : 'an answer';
}

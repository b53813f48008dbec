import { compareSerials } from '../transfer/serial.ts';
import { EDNS_OPTION, RCODE, rcodeName } from '../types.ts';
import { type Finding, finding } from './findings.ts';
import { dataOf, messageIn, replyText, serialOf, serverText } from './reading.ts';
import type { DelegationView, Reply, ZoneServer } from './view.ts';

/** What the client allowed a UDP answer to have (RFC 6891; DNS flag day 2020). */
export const UDP_OCTETS = 1232;

/** Reachability, authority, serials, EDNS and recursion of the zone's servers. */
export function judgeServers(view: DelegationView): readonly Finding[] {
  return [
    ...view.servers.flatMap((server) => [...reachable(server, view)]),
    ...serials(view),
    ...view.servers.flatMap((server) => [...edns(server, view)]),
    ...view.servers.flatMap((server) => [...recursion(server, view)]),
  ];
}

function* reachable(server: ZoneServer, view: DelegationView): Iterable<Finding> {
  const { udp, tcp } = server;
  const where = serverText(server);
  if (udp.kind === 'none' && tcp.kind === 'none') {
    yield udp.here || tcp.here
      ? finding(
          'SERVER_NOT_CHECKED',
          `${where} cannot be reached from this machine: ${udp.detail}`,
          'This machine has no IPv6 or no route there.',
          'Check again from a machine that has.',
        )
      : finding(
          'SERVER_SILENT',
          `${where} does not answer: UDP: ${udp.detail}; TCP: ${tcp.detail}`,
          'It is down, another address, or a firewall is in between.',
          'Start it, correct its address, or open UDP and TCP port 53 to everybody.',
        );
    return;
  }
  if (udp.kind === 'none') {
    yield finding(
      'UDP_BLOCKED',
      `${where} answers over TCP only: ${udp.detail}`,
      'A firewall or a load balancer lets UDP port 53 not through.',
      'Open UDP port 53, in and out.',
    );
  }
  if (tcp.kind === 'none') {
    yield finding(
      'TCP_BLOCKED',
      `${where} answers over UDP only: ${tcp.detail}`,
      'Long answers, DNSSEC and clients under rate limiting need TCP (RFC 7766 section 5).',
      'Open TCP port 53.',
    );
  }
  const answer = udp.kind === 'message' ? udp : tcp;
  if (serialOf(server, view.zone) === undefined) {
    yield finding(
      'SERVER_LAME',
      `${where} does not serve ${view.zone} with authority: ${replyText(answer)}`,
      'The zone is not configured there, has expired, or the name is of another server.',
      'Configure the zone there, or take the server out at the registrar and in the zone.',
    );
  }
}

function* serials(view: DelegationView): Iterable<Finding> {
  const seen = view.servers.flatMap((server) => {
    const serial = serialOf(server, view.zone);
    return serial === undefined ? [] : [{ server, serial }];
  });
  const newest = seen.reduce<number | undefined>(
    (best, { serial }) => (best === undefined || compareSerials(best, serial) < 0 ? serial : best),
    undefined,
  );
  if (newest === undefined) return;
  for (const { server, serial } of seen) {
    if (serial === newest) continue;
    yield finding(
      'SERIAL_DIFFERS',
      `${serverText(server)} has serial ${serial}, others have ${newest}`,
      'It has not copied the last change: its transfers fail, or its agent is cut off.',
      'Check again in a minute; if it stays, look at its log for transfers (secondary) or at `portolan status` (agent).',
    );
  }
  const hub = view.wanted?.serial;
  if (hub !== undefined && compareSerials(newest, hub) < 0) {
    yield finding(
      'SERIAL_BEHIND_HUB',
      `every server has serial ${newest} or an older one; the hub has ${hub}`,
      'The last change has not reached any server.',
      'See `portolan status` for agents that are behind.',
    );
  }
}

function* edns(server: ZoneServer, view: DelegationView): Iterable<Finding> {
  const { udp, ednsVersion } = server;
  if (udp.kind === 'none') return;
  const where = serverText(server);
  if (udp.message.edns === undefined) {
    yield finding(
      'EDNS_MISSING',
      `${where} answers without EDNS (${rcodeName(udp.message.rcode)})`,
      'Answers above 512 octets, DNSSEC and cookies need it (RFC 6891).',
      'Update the server, or the firewall that takes it out.',
    );
    return;
  }
  if (udp.octets > UDP_OCTETS) {
    yield finding(
      'ANSWER_TOO_BIG',
      `${where} sent ${udp.octets} octets over UDP where ${UDP_OCTETS} were allowed`,
      'Larger datagrams are fragmented and lost.',
      `Set its largest UDP answer to ${UDP_OCTETS}.`,
    );
  }
  const cookie = udp.message.edns.options.find((option) => option.code === EDNS_OPTION.COOKIE)?.data;
  if (cookie !== undefined && !startsWith(cookie, view.cookie)) {
    yield finding(
      'COOKIE_WRONG',
      `${where} returned another cookie than was sent`,
      'Resolvers take such an answer for a forged one (RFC 7873 section 5.3).',
      'Update the server; see whether something between answers in its place.',
    );
  }
  if (ednsVersion.kind === 'message' && !isBadVersion(ednsVersion)) {
    yield finding(
      'EDNS_VERSION',
      `${where} answers a query of EDNS version 1 with ${rcodeName(ednsVersion.message.rcode)}`,
      'RFC 6891 section 6.1.3 asks for BADVERS.',
      'Update the server, or the firewall before it.',
    );
  }
}

function isBadVersion(reply: Reply): boolean {
  return messageIn(reply)?.rcode === RCODE.BADVERS;
}

function startsWith(octets: Uint8Array, start: Uint8Array): boolean {
  return start.every((octet, i) => octets[i] === octet);
}

function* recursion(server: ZoneServer, view: DelegationView): Iterable<Finding> {
  const message = messageIn(server.recursion);
  if (message === undefined || view.parentZone === undefined) return;
  const answered =
    message.rcode === RCODE.NOERROR && dataOf(message.answers, view.parentZone, 'SOA').length > 0;
  if (!answered || message.flags.authoritative || !message.flags.recursionAvailable) return;
  yield finding(
    'OPEN_RECURSION',
    `${serverText(server)} resolved ${view.parentZone} for a stranger`,
    'Open resolvers are used to attack others, and what they remember can be poisoned.',
    'Switch recursion off, or allow it for your own networks only.',
  );
}

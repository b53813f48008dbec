import { type DomainName, isAtOrBelow } from '../name.ts';
import { RCODE, TYPE } from '../types.ts';
import { type Finding, finding } from './findings.ts';
import { judgeChain } from './judge-chain.ts';
import { judgeServers } from './judge-servers.ts';
import {
  aboveText,
  authoritative,
  delegationOf,
  messageIn,
  namesOf,
  replyText,
  serverText,
  wantedAddresses,
  wantedNames,
} from './reading.ts';
import type { DelegationView } from './view.ts';

/** Everything that is wrong with a delegation, in the order of `TOPICS`. */
export function judgeDelegation(view: DelegationView): readonly Finding[] {
  const servers = judgeServers(view);
  return [
    ...judgeParent(view),
    ...judgeNames(view),
    ...judgeGlue(view),
    ...servers,
    ...judgeChain(view),
    ...judgeHub(view),
  ];
}

function* judgeParent(view: DelegationView): Iterable<Finding> {
  const { zone, parents } = view;
  if (zone === '.') return;
  const heard = parents.filter((p) => p.referral.kind === 'message');
  if (heard.length > 0 && heard.every((p) => isResolver(p.referral))) {
    yield finding(
      'DNS_INTERCEPTED',
      `a resolver answers in the place of ${heard.map(serverText).join(', ')}`,
      'This network redirects DNS to a resolver of its own, so nothing here is what others see.',
      'Check from another network; or, when that is a resolver you named with --parent, name a server of the zone above.',
    );
    return;
  }
  const usable = heard.filter((p) => tells(p.referral));
  if (usable.length === 0) {
    yield finding(
      'PARENT_UNKNOWN',
      `no server of the zone above ${zone} could be asked: ${view.parentProblem ?? parents.map((p) => `${serverText(p)}: ${replyText(p.referral)}`).join('; ')}`,
      'Without it nobody finds the zone, or this machine may not ask name servers outside (UDP and TCP port 53).',
      'Try from another network, or name a server of the zone above: --parent 192.0.2.1.',
    );
    return;
  }
  for (const parent of parents) {
    const { referral } = parent;
    if (tells(referral) || (referral.kind === 'none' && referral.here)) continue;
    yield finding(
      'PARENT_SILENT',
      `${serverText(parent)}, a server of ${aboveText(view)}, does not answer: ${replyText(referral)}`,
      'Resolvers ask another one; a single silent server only costs them time.',
      'Nothing to do on your side unless all are silent.',
    );
  }
  const without = usable.filter((p) => delegationOf(p, zone) === undefined);
  if (without.length === usable.length) {
    yield finding(
      'NOT_DELEGATED',
      `${aboveText(view)} has no NS records for ${zone} (${without.map((p) => `${serverText(p)}: ${rcodeText(p.referral)}`).join('; ')})`,
      'The domain is not registered, is on hold, or has no name servers at the registrar.',
      'Enter the name servers below at the registrar.',
    );
    return;
  }
  const sets = new Map<string, string[]>();
  for (const parent of usable) {
    const names = delegationOf(parent, zone)?.names.join(' ') ?? '(none)';
    sets.set(names, [...(sets.get(names) ?? []), serverText(parent)]);
  }
  if (sets.size > 1) {
    yield finding(
      'PARENTS_DIFFER',
      `servers of ${aboveText(view)} give different name servers: ${[...sets].map(([names, who]) => `${who.join(', ')}: ${names}`).join('; ')}`,
      'A change at the registrar is still on its way, which takes minutes to hours.',
      'Wait and check again.',
    );
  }
}

/** It says what there is, or that there is nothing. Other codes, such as SERVFAIL and REFUSED, say nothing of the zone. */
function tells(reply: Parameters<typeof replyText>[0]): boolean {
  const rcode = messageIn(reply)?.rcode;
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
}

/** It offers recursion and answers without authority: neither a referral nor a server's own answer looks so. */
function isResolver(reply: Parameters<typeof replyText>[0]): boolean {
  const message = messageIn(reply);
  if (message === undefined || message.flags.authoritative || !message.flags.recursionAvailable) return false;
  return message.answers.length > 0 || message.authorities.every((r) => r.type !== TYPE.NS);
}

function rcodeText(reply: Parameters<typeof replyText>[0]): string {
  const message = messageIn(reply);
  return message?.rcode === RCODE.NOERROR ? 'no NS records' : replyText(reply);
}

function* judgeNames(view: DelegationView): Iterable<Finding> {
  const { zone, parents } = view;
  const parentNames = parents.map((p) => delegationOf(p, zone)?.names).find((n) => n !== undefined);
  const own = wantedNames(view);
  const who = view.wanted === undefined ? 'the zone' : 'the hub';
  if (parentNames !== undefined && own.length > 0) {
    const missing = own.filter((name) => !parentNames.includes(name));
    if (missing.length > 0) {
      yield finding(
        'NS_NOT_AT_PARENT',
        `${missing.join(', ')}: named by ${who}, not by ${aboveText(view)} (it has ${parentNames.join(', ')})`,
        'Resolvers come by way of the zone above, so these servers are asked less, or never.',
        `Add ${missing.join(', ')} at the registrar.`,
      );
    }
    const extra = parentNames.filter((name) => !own.includes(name));
    if (extra.length > 0) {
      yield finding(
        'NS_ONLY_AT_PARENT',
        `${extra.join(', ')}: named by ${aboveText(view)}, not by ${who}`,
        'A former provider may still be asked, and answers with what the zone was then.',
        `Remove ${extra.join(', ')} at the registrar${view.wanted === undefined ? ', or add them to the zone' : ', or add them to spec.nameServers'}.`,
      );
    }
  }
  const sets = new Map<string, string[]>();
  for (const server of authoritative(view)) {
    const names = namesOf(server, zone).join(' ');
    if (names !== '') sets.set(names, [...(sets.get(names) ?? []), serverText(server)]);
  }
  if (sets.size > 1) {
    yield finding(
      'NS_SETS_DIFFER',
      `name servers give different NS records: ${[...sets].map(([names, servers]) => `${servers.join(', ')}: ${names}`).join('; ')}`,
      'They do not serve the same zone: one has old data, or is configured by hand.',
      'See that all of them are secondaries of one primary, or servers of one hub.',
    );
  }
  for (const name of view.unresolved) {
    yield finding(
      'NS_UNRESOLVED',
      `${name} has no address`,
      'A name server without an address cannot be asked.',
      isAtOrBelow(name, zone)
        ? `Add an A or AAAA record for ${name}, and the address as glue at the registrar.`
        : `Correct the name, or add an address where ${name} is hosted.`,
    );
  }
  const addresses = new Set(view.servers.map((s) => s.address));
  const names = own.length > 0 ? own : (parentNames ?? []);
  if (names.length === 1 || (view.servers.length > 0 && addresses.size === 1)) {
    yield finding(
      'FEW_SERVERS',
      names.length === 1
        ? `${zone} has one name server, ${names[0] ?? ''}`
        : `all name servers of ${zone} have the address ${[...addresses][0] ?? ''}`,
      'When it fails, the zone is gone (RFC 2182 section 5).',
      'Add a second one in another failure domain.',
    );
  }
}

function* judgeGlue(view: DelegationView): Iterable<Finding> {
  const { zone, parents } = view;
  const told = new Set<DomainName>();
  for (const parent of parents) {
    const delegation = delegationOf(parent, zone);
    if (delegation === undefined || isAnswer(parent.referral)) continue;
    for (const name of delegation.names) {
      if (!isAtOrBelow(name, zone) || told.has(name)) continue;
      const glue = delegation.glueOf(name);
      const own = wantedAddresses(view, name);
      const where = view.wanted === undefined ? 'the zone' : 'the hub';
      if (glue.length === 0) {
        told.add(name);
        yield finding(
          'GLUE_MISSING',
          `${aboveText(view)} has no address for ${name}`,
          `${name} lies in ${zone} itself: without its address nobody can ask for it.`,
          own.length > 0
            ? `Enter ${name} with ${own.join(', ')} at the registrar (host or glue record).`
            : `Enter ${name} with its addresses at the registrar (host or glue record).`,
        );
      } else if (own.length > 0 && glue.join() !== own.join()) {
        told.add(name);
        yield finding(
          'GLUE_DIFFERS',
          `${name} has ${glue.join(', ')} in ${aboveText(view)}, but ${own.join(', ')} in ${where}`,
          'Resolvers begin with the addresses of the zone above.',
          `Change ${name} to ${own.join(', ')} at the registrar, or correct the zone.`,
        );
      }
    }
  }
}

/** The server of the zone above serves the zone too: what it says is the zone's own, not the delegation. */
function isAnswer(reply: Parameters<typeof replyText>[0]): boolean {
  const message = messageIn(reply);
  return message?.flags.authoritative === true && message.answers.length > 0;
}

function* judgeHub(view: DelegationView): Iterable<Finding> {
  for (const text of view.wanted?.lagging ?? []) {
    yield finding(
      'SERVER_BEHIND',
      text,
      'It answers with older data, or not at all.',
      'See that its agent runs and is connected (`portolan check`); it catches up by itself.',
    );
  }
}

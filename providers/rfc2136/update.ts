import { type DomainName, isAtOrBelow } from '../../src/dns/name.ts';
import { INTERPRETED_TYPES } from '../../src/dns/records/catalogue.ts';
import { CLASS, OPCODE, parseType, TYPE } from '../../src/dns/types.ts';
import { type Message, makeQuery, type ResourceRecord } from '../../src/dns/wire/message.ts';
import type { SetChange } from '../../src/plan/record-set.ts';
import { type Batch, ProviderError } from '../contract.ts';
import { isServersOwn } from './capabilities.ts';
import { emptyRecord, recordsOf, wireOf } from './records.ts';

/** All changes of a batch in the order of its groups, its fence last. */
export function changesOf(batch: Pick<Batch, 'groups' | 'fence'>): readonly SetChange[] {
  const changes = batch.groups.flatMap((group) => group.changes);
  return batch.fence === undefined ? changes : [...changes, batch.fence];
}

/**
 * One UPDATE message (RFC 2136 section 2): the zone; what must be so for any of it to happen; what happens.
 *
 * | change   | prerequisite                                     | update                              |
 * |----------|--------------------------------------------------|-------------------------------------|
 * | create   | the set does not exist (2.4.3), no CNAME is there | add each record (2.5.1)             |
 * | replace  | the set has exactly these values (2.4.2)          | delete the set (2.5.2), add each    |
 * | delete   | the set has exactly these values                  | delete the set                      |
 *
 * All deletions come before all additions, so that a CNAME may take the place of addresses and the other way round within one message: a
 * server passes over an addition beside a CNAME without a word (section 3.4.2.2). A new TTL needs the deletion, too. A CNAME in the place of
 * other sets deletes everything at the name (2.5.3), provided that there is nothing else.
 * @throws ProviderError `invalid`, `unsupported`
 */
export function updateMessage(id: number, zone: DomainName, changes: readonly SetChange[]): Message {
  const prerequisites: ResourceRecord[] = [];
  const deletions: ResourceRecord[] = [];
  const additions: ResourceRecord[] = [];
  const goingAt = new Map<DomainName, Set<string>>();
  for (const { before } of changes) {
    if (before !== undefined)
      goingAt.set(before.name, (goingAt.get(before.name) ?? new Set()).add(before.type));
  }
  /** Names where a CNAME takes the place of something else. */
  const cleared = new Set(
    changes.flatMap(({ before, after }) =>
      before === undefined && after.type === 'CNAME' && goingAt.has(after.name) ? [after.name] : [],
    ),
  );
  const guarded = new Set<DomainName>();
  for (const { before, after } of changes) {
    const { name } = before ?? after;
    if (!isAtOrBelow(name, zone))
      throw new ProviderError('invalid', `${name} does not lie in ${zone}`, { group: name });
    if (before === undefined) {
      const { type } = wireOf(after);
      prerequisites.push(emptyRecord(name, type, CLASS.NONE));
      // What would make the server pass over the addition fails the message instead.
      const going = goingAt.get(name);
      if (type === TYPE.CNAME) {
        if (going === undefined) prerequisites.push(emptyRecord(name, TYPE.ANY, CLASS.NONE));
        else prerequisites.push(...othersAbsent(name, going));
      } else if (going?.has('CNAME') !== true && !guarded.has(name)) {
        guarded.add(name);
        prerequisites.push(emptyRecord(name, TYPE.CNAME, CLASS.NONE));
      }
    } else {
      const wire = wireOf(before);
      prerequisites.push(...recordsOf({ name, ttlSeconds: 0 }, wire));
      // In a zone that Knot signs, a name whose only set was just deleted still has NSEC and RRSIG, and a CNAME added beside those is passed
      // over. So a new CNAME takes the old one's place by itself (section 3.4.2.2), and that of other sets after everything is deleted.
      const replacedByItself = wire.type === TYPE.CNAME && after?.type === before.type;
      if (!replacedByItself && !cleared.has(name)) deletions.push(emptyRecord(name, wire.type, CLASS.ANY));
    }
    if (after !== undefined) additions.push(...recordsOf(after, wireOf(after)));
  }
  return {
    ...makeQuery(id, { name: zone, type: TYPE.SOA, class: CLASS.IN }),
    opcode: OPCODE.UPDATE,
    answers: prerequisites,
    authorities: [
      ...[...cleared].map((name) => emptyRecord(name, TYPE.ANY, CLASS.ANY)),
      ...deletions,
      ...additions,
    ],
    edns: undefined,
  };
}

/** Before everything at a name is deleted: nothing but what goes is there, as far as there are types that people use (section 2.4.3). */
function othersAbsent(name: DomainName, going: ReadonlySet<string>): readonly ResourceRecord[] {
  return INTERPRETED_TYPES.flatMap((text) => {
    const type = parseType(text);
    if (type === undefined || type === TYPE.CNAME || isServersOwn(type) || going.has(text)) return [];
    return [emptyRecord(name, type, CLASS.NONE)];
  });
}

/**
 * A message that changes nothing and yet needs every permission that publishing does: it deletes sets at `name` that, says its prerequisite, are
 * not there (sections 2.4.3 and 2.5.2). One with a prerequisite that fails would not do: BIND judges `update-policy` after the prerequisites.
 */
export function probeMessage(id: number, zone: DomainName, name: DomainName): Message {
  const types = [TYPE.TXT, TYPE.A, TYPE.AAAA, TYPE.CNAME];
  return {
    ...makeQuery(id, { name: zone, type: TYPE.SOA, class: CLASS.IN }),
    opcode: OPCODE.UPDATE,
    answers: types.map((type) => emptyRecord(name, type, CLASS.NONE)),
    authorities: types.map((type) => emptyRecord(name, type, CLASS.ANY)),
    edns: undefined,
  };
}

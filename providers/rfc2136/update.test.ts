import { decode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { CLASS, OPCODE, TYPE } from '../../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message } from '../../src/dns/wire/message.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import { containing } from '../../test/support/matchers.ts';
import { CAPABILITIES } from './capabilities.ts';
import { probeMessage, updateMessage } from './update.ts';

const ZONE = parseName('example.com');
const set = (name: string, type: string, values: readonly string[], ttlSeconds = 60): RecordSet => ({
  name: parseName(name),
  type,
  setId: '',
  ttlSeconds,
  values,
});
const A = set('www.example.com', 'A', ['192.0.2.1', '192.0.2.2']);

/** `CLASS TYPE name data` of each record of a section, as RFC 2136 section 2.4 and 2.5 tell them apart. */
const shapes = (records: Message['answers']): readonly string[] =>
  records.map(({ name, type, class: recordClass, ttlSeconds, rdata }) => {
    const size = rdata.type === 'OPAQUE' ? rdata.data.length : -1;
    const className = { [CLASS.IN]: 'IN', [CLASS.ANY]: 'ANY', [CLASS.NONE]: 'NONE' }[recordClass];
    const typeText = Object.entries(TYPE).find(([, code]) => code === type)?.[0];
    return `${className} ${typeText} ${name} ${ttlSeconds}${size === 0 ? '' : ' data'}`;
  });

const message = (changes: readonly SetChange[]): Message => {
  const made = updateMessage(4711, ZONE, changes);
  // What is asserted is what a server reads.
  const read = decodeMessage(encodeMessage(made));
  expect(read.opcode).toBe(OPCODE.UPDATE);
  expect(read.questions).toEqual([{ name: ZONE, type: TYPE.SOA, class: CLASS.IN }]);
  return read;
};

describe('an UPDATE message', () => {
  it('creates a set provided that neither it nor a CNAME is there', () => {
    const { answers, authorities } = message([{ after: A }]);
    expect(shapes(answers)).toEqual(['NONE A www.example.com. 0', 'NONE CNAME www.example.com. 0']);
    expect(shapes(authorities)).toEqual(['IN A www.example.com. 60 data', 'IN A www.example.com. 60 data']);
  });

  it('replaces a set provided that it has exactly the values that were read', () => {
    const { answers, authorities } = message([{ before: A, after: { ...A, values: ['192.0.2.3'] } }]);
    expect(shapes(answers)).toEqual(['IN A www.example.com. 0 data', 'IN A www.example.com. 0 data']);
    expect(shapes(authorities)).toEqual(['ANY A www.example.com. 0', 'IN A www.example.com. 60 data']);
  });

  it('deletes a set provided that it has exactly the values that were read', () => {
    const { answers, authorities } = message([{ before: A }]);
    expect(answers).toHaveLength(2);
    expect(shapes(authorities)).toEqual(['ANY A www.example.com. 0']);
  });

  it('deletes before it adds, in whichever order the changes come', () => {
    const text = set('www.example.com', 'TXT', ['"x"']);
    const { authorities } = message([{ after: text }, { before: A }]);
    expect(shapes(authorities)).toEqual(['ANY A www.example.com. 0', 'IN TXT www.example.com. 60 data']);
  });

  it('creates a CNAME at a name without records only', () => {
    const alias = set('www.example.com', 'CNAME', ['x.example.net.']);
    const { answers } = message([{ after: alias }]);
    expect(shapes(answers)).toEqual(['NONE CNAME www.example.com. 0', 'NONE ANY www.example.com. 0']);
  });

  it('puts a CNAME in the place of all that is there, provided that it is all', () => {
    const alias = set('www.example.com', 'CNAME', ['x.example.net.']);
    const { answers, authorities } = message([{ before: A }, { after: alias }]);
    expect(shapes(authorities)).toEqual(['ANY ANY www.example.com. 0', 'IN CNAME www.example.com. 60 data']);
    expect(shapes(answers)).toContain('NONE AAAA www.example.com. 0');
    expect(shapes(answers)).toContain('NONE TXT www.example.com. 0');
    expect(shapes(answers)).not.toContain('NONE A www.example.com. 0');
    // The server itself made these.
    expect(shapes(answers)).not.toContain('NONE NSEC www.example.com. 0');
  });

  it('lets a new CNAME take the old one’s place by itself', () => {
    const alias = set('www.example.com', 'CNAME', ['x.example.net.']);
    const { answers, authorities } = message([
      { before: alias, after: { ...alias, values: ['y.example.net.'] } },
    ]);
    expect(shapes(answers)).toEqual(['IN CNAME www.example.com. 0 data']);
    expect(shapes(authorities)).toEqual(['IN CNAME www.example.com. 60 data']);
  });

  it('is read alike by another program, as far as that knows records without data', () => {
    const before = set('www.example.com', 'CNAME', ['x.example.net.']);
    const changes = [{ before, after: { ...before, ttlSeconds: 30 } }];
    expect(decode(Buffer.from(encodeMessage(updateMessage(1, ZONE, changes))))).toMatchObject({
      id: 1,
      opcode: 'UPDATE',
      questions: [{ name: 'example.com', type: 'SOA', class: 'IN' }],
      answers: [{ name: 'www.example.com', type: 'CNAME', class: 'IN', ttl: 0, data: 'x.example.net' }],
      authorities: [{ name: 'www.example.com', type: 'CNAME', class: 'IN', ttl: 30, data: 'x.example.net' }],
    });
  });

  it.each([
    ['a name outside of the zone', set('www.example.org', 'A', ['192.0.2.1']), 'invalid', 'does not lie in'],
    ['a value that is none', set('www.example.com', 'A', ['300.0.2.1']), 'invalid', 'www.example.com. A'],
    ['a type that the server makes', set('www.example.com', 'NSEC', []), 'unsupported', 'NSEC'],
    ['a type of a provider’s own', set('www.example.com', 'LUA', []), 'unsupported', 'LUA'],
  ] as const)('refuses %s, by its name', (_, after, failure, text) => {
    expect(() => updateMessage(1, ZONE, [{ after }])).toThrow(
      expect.objectContaining({ failure, group: after.name, message: containing(text) }),
    );
  });

  it('is never longer than the cost of its changes', () => {
    const { cost, maxChanges, maxOctets } = CAPABILITIES.batch;
    const name = `${'n'.repeat(60)}.${'m'.repeat(60)}.example.com`;
    const samples = (i: number): readonly SetChange[] => [
      { after: set(`c${i}.${name}`, 'CNAME', [`t${i}.${name}.`]) },
      { after: set(`m${i}.${name}`, 'MX', [`10 t${i}.${name}.`]) },
      { before: set(`a${i}.${name}`, 'A', ['192.0.2.1']), after: set(`a${i}.${name}`, 'A', ['192.0.2.2']) },
      { before: set(`x${i}.${name}`, 'A', ['192.0.2.1']) },
      { after: set(`x${i}.${name}`, 'CNAME', [`t${i}.example.net.`]) },
      { after: set(`t${i}.${name}`, 'TXT', [`"${'k'.repeat(255)}" "${'\\000'.repeat(9)}"`]) },
      { after: set(`o${i}.${name}`, 'TYPE65280', ['\\# 4 c0000201']) },
    ];
    const changes: SetChange[] = [];
    let octets = 0;
    for (let i = 0; ; i += 1) {
      const more = samples(i);
      const needed = more.reduce((sum, change) => sum + cost(change).octets, 0);
      if (octets + needed > maxOctets || changes.length + more.length > maxChanges) break;
      octets += needed;
      changes.push(...more);
    }
    expect(changes.length).toBeGreaterThan(50);
    expect(encodeMessage(updateMessage(1, ZONE, changes)).length).toBeLessThanOrEqual(octets + 12 + 17);
  });
});

describe('the message that tries a permission', () => {
  it('deletes what must not be there, so that it changes nothing', () => {
    const name = parseName('_check._portolan.example.com');
    const { answers, authorities } = decodeMessage(encodeMessage(probeMessage(1, ZONE, name)));
    const types = answers.map(({ type }) => type);
    expect(answers.every(({ class: recordClass }) => recordClass === CLASS.NONE)).toBe(true);
    expect(authorities.every(({ class: recordClass }) => recordClass === CLASS.ANY)).toBe(true);
    expect(authorities.map(({ type }) => type)).toEqual(types);
  });
});

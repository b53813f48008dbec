import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type DomainName, isAtOrBelow, parentOf, parseName, wildcardUnder } from './name.ts';
import { formatRdata } from './records/catalogue.ts';
import { respond } from './respond.ts';
import { AnswerTable } from './table.ts';
import { RCODE, rcodeName, TYPE, typeName } from './types.ts';
import { encodeMessage, makeQuery } from './wire/message.ts';
import { parseQuery } from './wire/query.ts';
import { compileZone } from './zone.ts';
import type { RecordSource, ZoneSource } from './zone-source.ts';

vi.setConfig({ testTimeout: 60_000 });

/**
 * The rules of RFC 1034 section 4.3.2 and RFC 4592 once more, word by word over a plain list of records: slow, and written to
 * be read beside the RFCs.
 */
class Oracle {
  readonly #records: readonly { readonly owner: DomainName; readonly type: string; readonly data: string }[];

  constructor(records: readonly RecordSource[]) {
    this.#records = records.flatMap(({ name, type, data }) =>
      data.map((text) => ({ owner: parseName(name), type, data: text })),
    );
  }

  ask(qname: DomainName, qtype: string): string {
    const answer: string[] = [];
    const seen = new Set<DomainName>();
    let name = qname;
    for (;;) {
      seen.add(name);
      const cut = this.#cutAbove(name);
      if (cut !== undefined && !(cut === name && qtype === 'DS')) return this.#print('referral', answer, cut);
      const source = this.#source(name);
      if (source === undefined) return this.#print('NXDOMAIN', answer);
      const here = this.#records.filter((record) => record.owner === source);
      const wanted = here.filter((record) => record.type === qtype);
      for (const { data } of wanted) answer.push(`${name} ${qtype} ${data}`);
      if (wanted.length > 0) return this.#print('NOERROR', answer);
      const alias = here.find((record) => record.type === 'CNAME');
      if (alias === undefined) return this.#print('NODATA', answer);
      answer.push(`${name} CNAME ${alias.data}`);
      name = parseName(alias.data);
      if (!isAtOrBelow(name, ORIGIN) || seen.has(name)) return this.#print('NOERROR', answer);
    }
  }

  /** "A domain name exists in the namespace if it or any of its descendants have at least one RR" (RFC 4592 section 2.2.3). */
  #exists(name: DomainName): boolean {
    return name === ORIGIN || this.#records.some(({ owner }) => isAtOrBelow(owner, name));
  }

  /** Where the data comes from: the name itself, or the wildcard at its closest encloser. */
  #source(name: DomainName): DomainName | undefined {
    if (this.#exists(name)) return name;
    const encloser = ancestors(name).find((above) => this.#exists(above)) ?? ORIGIN;
    const wildcard = wildcardUnder(encloser);
    return this.#exists(wildcard) ? wildcard : undefined;
  }

  #cutAbove(name: DomainName): DomainName | undefined {
    return [name, ...ancestors(name)]
      .filter((above) => above !== ORIGIN)
      .findLast((above) => this.#records.some(({ owner, type }) => type === 'NS' && owner === above));
  }

  #print(kind: string, answer: readonly string[], cut?: DomainName): string {
    return [kind, ...answer.toSorted(), ...(cut === undefined ? [] : [`at ${cut}`])].join('\n');
  }
}

const ORIGIN = parseName('test');

/** The names above, nearest first, up to the origin. */
function ancestors(name: DomainName): DomainName[] {
  const parent = parentOf(name);
  return parent === undefined || !isAtOrBelow(parent, ORIGIN) ? [] : [parent, ...ancestors(parent)];
}

function observed(table: AnswerTable, qname: DomainName, qtype: string): string {
  const type = qtype === 'DS' ? TYPE.DS : qtype === 'A' ? TYPE.A : qtype === 'TXT' ? TYPE.TXT : TYPE.CNAME;
  const query = parseQuery(encodeMessage(makeQuery(1, { name: qname, type, class: 1 })));
  if (query === undefined) throw new Error('the query was dropped');
  const decision = respond(table, query, {
    family: 4,
    bytes: new Uint8Array(4),
    prefixLength: 32,
    source: 'resolver',
  });
  const answer = decision.answer.flatMap(({ owner, set }) =>
    set.records.map((rdata) => `${owner} ${typeName(set.type)} ${formatRdata(rdata)}`),
  );
  const [authority] = decision.authority;
  let kind = rcodeName(decision.rcode);
  if (authority?.set.type === TYPE.NS) kind = 'referral';
  else if (decision.rcode === RCODE.NOERROR && authority?.set.type === TYPE.SOA) kind = 'NODATA';
  expect(decision.authoritative).toBe(kind !== 'referral' || answer.length > 0);
  return [kind, ...answer.toSorted(), ...(kind === 'referral' ? [`at ${authority?.owner}`] : [])].join('\n');
}

const label = fc.constantFrom('a', 'b', 'c', '*');
const name = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => parseName([...labels, 'test'].join('.')));
const records: fc.Arbitrary<readonly RecordSource[]> = fc
  .uniqueArray(
    fc.record({
      name,
      kind: fc.constantFrom('A', 'A', 'TXT', 'CNAME', 'CNAME', 'NS'),
      target: name,
      outside: fc.boolean(),
    }),
    { maxLength: 9, selector: (entry) => `${entry.name} ${entry.kind}` },
  )
  .map((entries) => {
    // Keep what a zone accepts: an alias stands alone, and below a delegation there is nothing.
    const alias = new Set(entries.filter((entry) => entry.kind === 'CNAME').map((entry) => entry.name));
    const cuts = entries
      .filter((entry) => entry.kind === 'NS' && !alias.has(entry.name))
      .map((entry) => entry.name);
    return entries
      .filter((entry) => entry.kind === 'CNAME' || !alias.has(entry.name))
      .filter(
        (entry) =>
          !cuts.some((cut) => isAtOrBelow(entry.name, cut) && !(entry.kind === 'NS' && entry.name === cut)),
      )
      .filter((entry) => entry.kind !== 'NS' || !entry.name.startsWith('*.'))
      .map(({ name: owner, kind, target, outside }) => {
        const data = {
          A: '192.0.2.1',
          TXT: '"t"',
          NS: 'ns.example.net.',
          CNAME: outside ? 'out.example.net.' : target,
        }[kind];
        return { name: owner, type: kind, data: [data ?? ''] };
      });
  });

const base: Omit<ZoneSource, 'records'> = {
  origin: ORIGIN,
  serial: 1,
  nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
  soa: { refreshSeconds: 1, retrySeconds: 1, expireSeconds: 1, minimumSeconds: 1 },
  ttlSeconds: 60,
  routed: [],
};

describe('any zone', () => {
  it('is answered as RFC 1034 and RFC 4592 say', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        records,
        fc.array(fc.tuple(name, fc.constantFrom('A', 'TXT', 'CNAME', 'DS')), { minLength: 5, maxLength: 15 }),
        (list, questions) => {
          const result = compileZone({ ...base, records: list });
          fc.pre(result.ok); // what is left over are aliases that lead to each other
          if (!result.ok) return;
          const table = new AnswerTable([result.zone]);
          const oracle = new Oracle(list);
          for (const [qname, qtype] of questions) {
            const expected = oracle.ask(qname, qtype);
            expect(observed(table, qname, qtype), `${qname} ${qtype}`).toBe(expected);
            const kind = expected.split('\n')[0] ?? '';
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
          }
        },
      ),
      { numRuns: 1000 },
    );
    for (const kind of ['NOERROR', 'NODATA', 'NXDOMAIN', 'referral'])
      expect(seen.get(kind), kind).toBeGreaterThan(100);
  });
});

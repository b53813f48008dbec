import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DomainName, parseName } from '../name.ts';
import { respond } from '../respond.ts';
import type { OwnedRRset } from '../rrset.ts';
import { RCODE, TYPE } from '../types.ts';
import { CLIENT, checked, origin, queryFor, signedTable } from './testing/signed-table.ts';

const { table } = signedTable({ keptOctets: 1e7 });

const label = fc.constantFrom(
  ...[
    'www',
    'alias',
    'dangling',
    'deep',
    'ent',
    'wild',
    'walias',
    'old',
    'new',
    'secure',
    'insecure',
    'ns',
    'ns1',
  ],
  ...['api', 'cdn', 'moved', 'tenant', 'no', '*', 'x'],
);
const name = fc.array(label, { maxLength: 3 }).map((labels) => [...labels, 'signed.test'].join('.'));
const type = fc.constantFrom(
  ...[
    'A',
    'AAAA',
    'TXT',
    'MX',
    'NS',
    'SOA',
    'CNAME',
    'DNAME',
    'DS',
    'DNSKEY',
    'CDS',
    'CDNSKEY',
    'NSEC',
    'ANY',
  ],
);

/** Where the chain of aliases in an answer ends. */
function endOf(question: DomainName, answer: readonly OwnedRRset[]): DomainName {
  let at = question;
  for (const { owner, set } of answer) {
    const [rdata] = set.records;
    if (owner === at && rdata?.type === 'CNAME') at = rdata.target;
  }
  return at;
}

describe('every answer of a signed zone', () => {
  it('is signed or a delegation, and denies what it has not by one NSEC at the name it ends at', () => {
    const seen = { answers: 0, denials: 0, nameErrors: 0, referrals: 0 };
    fc.assert(
      fc.property(name, type, fc.boolean(), (asked, askedType, compactOk) => {
        const query = queryFor(asked, askedType, { compactOk });
        const { rcode, answer, authority, additional } = respond(table, query, CLIENT);
        const answered = checked(answer);
        const beside = checked(authority);
        checked(additional);
        // What has no signature: CNAMEs of a DNAME, and NS of a delegation.
        const dnames = answered.filter((line) => line.includes(' DNAME ')).length;
        const bareAnswers = answered.filter((line) => line.startsWith('-'));
        expect(bareAnswers.every((line) => line.includes(' CNAME '))).toBe(true);
        expect(bareAnswers.length).toBeLessThanOrEqual(dnames);
        const referral = beside.filter((line) => line.startsWith('-'));
        expect(referral.every((line) => line.includes(' NS '))).toBe(true);

        const nsecs = authority.flatMap(({ owner, set }) =>
          set.records.flatMap((rdata) => (rdata.type === 'NSEC' ? [{ owner, rdata }] : [])),
        );
        expect(nsecs.length).toBeLessThanOrEqual(1);
        const [denial] = nsecs;
        if (denial !== undefined) {
          expect(denial.rdata.next).toBe(`\\000.${denial.owner}`);
          expect(denial.rdata.types).toContain(TYPE.NSEC);
          expect(denial.rdata.types).toContain(TYPE.RRSIG);
        }
        if (referral.length > 0) {
          seen.referrals += 1;
          const hasDs = beside.some((line) => line.includes(' DS '));
          expect(hasDs).toBe(denial === undefined);
          expect(denial?.rdata.types ?? []).not.toContain(TYPE.DS);
          return;
        }
        if (authority.length === 0) {
          expect(answered.length).toBeGreaterThan(0);
          seen.answers += 1;
          return;
        }
        // A denial: the SOA of the zone and the proof, at the end of the chain.
        expect(beside).toHaveLength(2);
        expect(authority[0]).toMatchObject({ owner: origin, set: { type: TYPE.SOA } });
        expect(denial?.owner).toBe(endOf(parseName(asked), answer));
        expect(denial?.rdata.types).not.toContain(query.type);
        expect(denial?.rdata.types).not.toContain(TYPE.CNAME);
        const nameError = denial?.rdata.types.includes(TYPE.NXNAME) === true;
        expect(rcode).toBe(nameError && compactOk ? RCODE.NXDOMAIN : RCODE.NOERROR);
        if (nameError) expect(denial.rdata.types).toEqual([TYPE.RRSIG, TYPE.NSEC, TYPE.NXNAME]);
        seen[nameError ? 'nameErrors' : 'denials'] += 1;
        // The same name exists or not for who asks without DO.
        const plain = respond(table, queryFor(asked, askedType, { dnssecOk: false }), CLIENT);
        expect(plain.rcode).toBe(nameError ? RCODE.NXDOMAIN : RCODE.NOERROR);
      }),
      { numRuns: 600 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
  }, 20_000);
});

import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { parseRdata } from '../records/catalogue.ts';
import { TYPE } from '../types.ts';
import { readZoneFile, type ZoneFileResult } from './reader.ts';
import { writeZoneFile } from './writer.ts';

const origin = parseName('example.test');
const read = (text: string, maxProblems = 50): ZoneFileResult => readZoneFile(text, { origin, maxProblems });

describe('a zone file', () => {
  it('may have parentheses around nothing', () => {
    expect(read('( )\n(\n)\na 60 IN A 192.0.2.1\n')).toMatchObject({ records: 1, problems: [] });
  });

  it.each([
    '$GENERATE nonsense h$ A 192.0.2.$',
    '$GENERATE 3-1 h$ A 192.0.2.$',
    `$GENERATE 1-2 h$\{x} A 192.0.2.1`,
  ])('with %s makes no record and says why', (line) => {
    const { records, problems } = read(`$TTL 60\n${line}\n`);
    expect(records).toBe(0);
    expect(problems.length).toBeGreaterThan(0);
  });

  it('has as many problems as were asked for, and then is not read on', () => {
    const bad = 'a 60 IN A nonsense\n'.repeat(10);
    expect(read(bad, 3)).toMatchObject({ stopped: true, problems: { length: 3 } });
    expect(read(`"a" "b" c d e f\n${bad}`, 1).problems).toHaveLength(1);
    expect(read('a 60 TXT "open\n'.repeat(10), 3)).toMatchObject({ stopped: true, problems: { length: 3 } });
  });
});

describe('a zone file that is written', () => {
  it('says the TTL of those sets only that have another one', () => {
    const set = (ttlSeconds: number) => ({
      owner: parseName(`t${ttlSeconds}.example.test`),
      type: TYPE.A,
      ttlSeconds,
      records: [parseRdata(TYPE.A, '192.0.2.1')],
    });
    const text = [...writeZoneFile({ origin, ttlSeconds: 60, sets: [set(60), set(90)] })].join('');
    expect(text).not.toMatch(/t60.* 60 /);
    expect(text).toMatch(/t90.* 90 /);
    expect(read(text)).toMatchObject({ records: 2, problems: [] });
  });
});

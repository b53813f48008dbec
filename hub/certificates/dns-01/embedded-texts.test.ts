import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createRoutedTable } from '../../../nameserver/routed-table.ts';
import { challengeText, type WantedText } from '../../../src/certificates/dns-challenge.ts';
import { parseName } from '../../../src/dns/name.ts';
import { formatRdata } from '../../../src/dns/records/catalogue.ts';
import { respond } from '../../../src/dns/respond.ts';
import type { AnswerTable } from '../../../src/dns/table.ts';
import { CLASS, RCODE, TYPE } from '../../../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../../../src/dns/wire/message.ts';
import { parseQuery } from '../../../src/dns/wire/query.ts';
import { countryLocation, parseClient } from '../../../src/routing/location.ts';
import { startTestEngine, type TestEngine } from '../../reconcile/engine-fixture.ts';
import { CONTEXT, cluster, policy, worldOf, zone } from '../../reconcile/testing.ts';
import { routingContent, type World } from '../../reconcile/world.ts';
import { contentWithTexts } from './embedded-texts.ts';
import { createChallengeTexts } from './texts.ts';

const VALUES = ['a', 'b'].map((token) => challengeText(`${token}.print`)).sort();
const text = (name: string, values: readonly string[] = VALUES, namespace = 'default'): WantedText => ({
  namespace,
  name: parseName(name),
  values,
});

function ask(table: AnswerTable, name: string, type: number): { rcode: number; data: readonly string[] } {
  const query = parseQuery(encodeMessage(makeQuery(0, { name: parseName(name), type, class: CLASS.IN })));
  if (query === undefined) throw new Error('the question cannot be read');
  const reply = respond(table, query, parseClient('192.0.2.1'));
  return { rcode: reply.rcode, data: reply.answer.flatMap(({ set }) => set.records.map(formatRdata)).sort() };
}

function tableOf(world: World, texts: readonly WantedText[]): AnswerTable {
  const content = contentWithTexts(routingContent(world, CONTEXT, ''), world, texts);
  const built = createRoutedTable({
    routing: { ...content, sequence: 7 },
    geo: { locate: () => ({ location: countryLocation('DE'), prefixLength: 24, exact: true }), sha256: '' },
    view: () => ({
      target: () => ({ state: 'up', earliestChangeMs: Number.POSITIVE_INFINITY }),
      cluster: () => ({}),
      lastHealthy: () => [],
      staleForMs: 0,
    }),
    random: () => 0.5,
  });
  expect(built.problems).toEqual([]);
  return built.table;
}

const EU = cluster('eu', 'DE', '192.0.2.10');
const quoted = (values: readonly string[]): readonly string[] => values.map((value) => `"${value}"`).sort();

describe('texts of challenges in embedded Zones', () => {
  it('are answered below routed hostnames, beside texts of people, and nowhere in Zones of other namespaces', () => {
    const spf = { name: '_acme-challenge.mail', type: 'TXT', ttlSeconds: 900, data: ['"by hand"'] };
    const world = worldOf(
      EU,
      zone('main', 'example.com.', [spf]),
      zone('other', 'example.org.', [], 'other'),
      policy('web', ['www.example.com'], ['eu']),
    );
    const table = tableOf(world, [
      text('_acme-challenge.www.example.com.'),
      text('_acme-challenge.mail.example.com.'),
      text('_acme-challenge.example.org.'),
    ]);
    expect(ask(table, '_acme-challenge.www.example.com.', TYPE.TXT).data).toEqual(quoted(VALUES));
    expect(ask(table, 'www.example.com.', TYPE.A).data).toEqual(['192.0.2.10']);
    expect(ask(table, '_acme-challenge.mail.example.com.', TYPE.TXT).data).toEqual(
      [...quoted(VALUES), '"by hand"'].sort(),
    );
    expect(ask(table, '_acme-challenge.example.org.', TYPE.TXT).rcode).toBe(RCODE.NXDOMAIN);
  });

  it('take no name from a wildcard while they stand: RFC 4592 would have them do so', () => {
    const world = worldOf(
      EU,
      zone('main', 'example.com.', [
        { name: '*.static', type: 'A', data: ['192.0.2.99'] },
        { name: '*.static', type: 'MX', data: ['10 mail.example.com.'] },
        { name: 'mail', type: 'A', data: ['192.0.2.25'] },
      ]),
      policy('web', ['*.apps.example.com'], ['eu']),
    );
    const table = tableOf(world, [
      text('_acme-challenge.one.two.apps.example.com.'),
      text('_acme-challenge.x.static.example.com.'),
    ]);
    for (const name of ['one.two.apps', 'two.apps', 'z.two.apps', 'z.one.two.apps', 'three.apps'])
      expect([name, ask(table, `${name}.example.com.`, TYPE.A).data]).toEqual([name, ['192.0.2.10']]);
    for (const name of ['x.static', 'y.static', 'y.x.static']) {
      expect([name, ask(table, `${name}.example.com.`, TYPE.A).data]).toEqual([name, ['192.0.2.99']]);
      expect(ask(table, `${name}.example.com.`, TYPE.MX).data).toEqual(['10 mail.example.com.']);
    }
  });

  it('stay out of names that cannot hold them, and harm nothing there', () => {
    const world = worldOf(
      EU,
      zone('main', 'example.com.', [
        { name: '_acme-challenge.alias', type: 'CNAME', data: ['elsewhere.example.net.'] },
        { name: 'cut', type: 'NS', data: ['ns.example.net.'] },
        { name: 'moved', type: 'DNAME', data: ['example.net.'] },
      ]),
      policy('web', ['_acme-challenge.routed.example.com'], ['eu']),
    );
    const names = ['alias', 'a.cut', 'a.moved', 'routed'].map(
      (label) => `_acme-challenge.${label}.example.com.`,
    );
    const table = tableOf(
      world,
      names.map((name) => text(name)),
    );
    for (const name of names)
      expect(ask(table, name, TYPE.TXT).data.filter((data) => quoted(VALUES).includes(data))).toEqual([]);
  });

  it('change no other answer of any zone', () => {
    const label = fc.constantFrom('a', 'b', '*', 'c');
    const owner = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => {
      // A wildcard is the first label, or none.
      const [first = 'a', ...rest] = labels;
      return [first, ...rest.map((one) => (one === '*' ? 'd' : one))].join('.');
    });
    const place = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
      .map((l) => l.join('.'));
    fc.assert(
      fc.property(
        fc.uniqueArray(owner, { maxLength: 5 }),
        fc.uniqueArray(owner, { maxLength: 2 }),
        fc.uniqueArray(place, { minLength: 1, maxLength: 3 }),
        (owners, hostnames, places) => {
          const statics = owners.filter((one) => !hostnames.includes(one));
          const world = worldOf(
            EU,
            zone(
              'main',
              'example.com.',
              statics.map((name) => ({ name, type: 'A', data: ['192.0.2.99'] })),
            ),
            ...(hostnames.length === 0
              ? []
              : [
                  policy(
                    'web',
                    hostnames.map((one) => `${one}.example.com`),
                    ['eu'],
                  ),
                ]),
          );
          const before = tableOf(world, []);
          const after = tableOf(
            world,
            places.map((one) => text(`_acme-challenge.${one}.example.com.`)),
          );
          for (const one of places)
            expect(ask(after, `_acme-challenge.${one}.example.com.`, TYPE.TXT).data).toEqual(quoted(VALUES));
          const names = ['a', 'b', 'c', 'e'].flatMap((first) =>
            ['', '.a', '.b', '.e'].flatMap((second) =>
              ['', '.a', '.b'].map((third) => `${first}${second}${third}.example.com.`),
            ),
          );
          const answersOf = (table: AnswerTable) =>
            names.map((name) => [name, ask(table, name, TYPE.A).data]);
          expect(answersOf(after)).toEqual(answersOf(before));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('the publication of texts', () => {
  let at: TestEngine | undefined;
  afterEach(async () => {
    await at?.close();
    at = undefined;
  });

  it('makes the serial grow and leaves the Zone as people wrote it', async () => {
    const texts = createChallengeTexts(() => at?.engine.inputsChanged());
    at = await startTestEngine({ challenges: texts });
    await at.put(zone('main', 'example.com.'));
    await at.until(() => texts.live);
    const first = texts.live?.sequence ?? 0;
    const { revision } = await at.store.list();
    texts.set([text('_acme-challenge.example.com.')], true);
    await at.until(() => (texts.live?.texts.length === 1 ? true : undefined));
    expect(texts.live?.sequence).toBe(first + 1);
    expect(ask(at.engine.table, '_acme-challenge.example.com.', TYPE.TXT).data).toEqual(quoted(VALUES));
    expect(ask(at.engine.table, 'example.com.', TYPE.SOA).data.join()).toContain(` ${first + 1} `);
    texts.set([], true);
    await at.until(() => (texts.live?.texts.length === 0 ? true : undefined));
    expect(ask(at.engine.table, '_acme-challenge.example.com.', TYPE.TXT).rcode).toBe(RCODE.NXDOMAIN);
    expect((await at.store.list({ kind: 'Zone' })).items[0]?.spec).toMatchObject({ records: [] });
    expect((await at.store.list()).revision).toBeGreaterThanOrEqual(revision);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientAddress } from '../src/dns/client.ts';
import { parseName } from '../src/dns/name.ts';
import { respond } from '../src/dns/respond.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { parseQuery, type Query } from '../src/dns/wire/query.ts';
import { encodeReady, encodeResponse } from '../src/dns/wire/response.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';
import { compileZoneOrThrow } from '../src/dns/zone.ts';
import { createStateView, type DrainTimes, type RuledTarget } from '../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import { UNLOCATED } from '../src/routing/location.ts';
import type { GeoLookup, Located, RoutedPolicy, StateView } from '../src/routing/model.ts';
import { clients, policies, REGIONS } from '../src/routing/testing/arbitrary.ts';
import { located, policyOf } from '../src/routing/testing/world.ts';
import { AnswerMemo } from './answer-memo.ts';
import { preparePolicy, routedName } from './routed-name.ts';

const TARGETS = ['a', 'b', 'c', 'd', 'e', 'f', 'fra', 'par', 'sin'].flatMap((name) => [name, `${name}/6`]);
const PLACES: readonly Located[] = [
  UNLOCATED,
  located('DE', 14),
  located('SE', 9),
  located('US', 22),
  { ...located('SE', 20), exact: false },
  { location: { ...located('SE').location, subdivision: 'SE-AB' }, prefixLength: 19, exact: true },
  { location: { continent: 'AS' }, prefixLength: 12, exact: true },
  { location: { country: 'ZZ' }, prefixLength: 12, exact: true },
];
const GEO: GeoLookup = {
  locate: ({ bytes, prefixLength }) =>
    prefixLength === 0
      ? UNLOCATED
      : (PLACES[bytes.reduce((sum, octet) => (sum * 31 + octet) % 65_521, 0) % PLACES.length] ?? UNLOCATED),
  sha256: '',
};
const NAME = parseName('api.example.test');
const STATIC = parseName('static.example.test');
const LIMIT = 1232;

const tableOf = (source: RoutedPolicy, view: () => StateView, random: () => number): AnswerTable =>
  new AnswerTable([
    compileZoneOrThrow({
      origin: parseName('example.test'),
      serial: 1,
      nameServers: [{ name: parseName('ns.example.test'), addresses: ['192.0.2.53'] }],
      soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
      ttlSeconds: 300,
      records: [
        { name: 'static', type: 'A', data: ['192.0.2.1', '192.0.2.2'] },
        { name: '*.wild', type: 'A', data: ['192.0.2.3'] },
        { name: 'alias', type: 'CNAME', data: ['static.example.test.'] },
      ],
      routed: [
        { name: NAME, routed: routedName(preparePolicy(source, REGIONS), { geo: GEO, view, random }) },
      ],
    }),
  ]);

const queryOf = (name: string, type: number): Query => {
  const query = parseQuery(encodeMessage(makeQuery(7, { name: parseName(name), type, class: CLASS.IN })));
  if (query === undefined) throw new Error('no query');
  return query;
};

/** Octets of the answer with the memo and without it. */
function both(
  memo: AnswerMemo,
  table: AnswerTable,
  query: Query,
  client: ClientAddress,
): { readonly kept: string | undefined; readonly fresh: string } {
  const writer = new WireWriter();
  const hit = memo.find(query, table, () => client);
  let kept: string | undefined;
  let scope: number | undefined;
  if (hit) {
    expect(encodeReady(query, memo, writer, LIMIT)).toBe(true);
    kept = writer.buffer.toString('hex', 0, writer.offset);
    scope = memo.ecsScope;
  }
  const decision = respond(table, query, client);
  if (hit) {
    expect(scope).toBe(decision.ecsScope);
    expect(memo.zone).toBe(decision.zone);
  } else memo.keep(query, table, decision, client);
  encodeResponse(query, decision, writer, LIMIT);
  return { kept, fresh: writer.buffer.toString('hex', 0, writer.offset) };
}

/** Policies of all kinds, and as many of the kind whose answers can be given again. */
const repeatable = fc.tuple(policies('addresses'), fc.boolean()).map(
  ([source, isPlain]): RoutedPolicy =>
    isPlain
      ? {
          ...source,
          selection: { mode: 'weighted', maxAnswers: 1 },
          geo: source.geo.map((rule) => ({ ...rule, cidrs: [], subdivisions: [] })),
        }
      : source,
);

describe('an answer that is given again', () => {
  it('is what would be decided now: over policies, clients, states, drains, tables and time', () => {
    let hits = 0;
    const worlds = fc.record({
      states: fc.array(fc.constantFrom('up' as const, 'up' as const, 'down' as const), {
        minLength: TARGETS.length,
        maxLength: TARGETS.length,
      }),
      changes: fc.constantFrom(NO_PENDING_CHANGE_MS, NO_PENDING_CHANGE_MS, 31_000, 4_000),
      drained: fc.boolean(),
    });
    const steps = fc.array(
      fc.oneof(
        {
          weight: 12,
          arbitrary: fc.record({
            kind: fc.constant('query' as const),
            type: fc.constantFrom(TYPE.A, TYPE.A, TYPE.AAAA),
            client: clients(),
            chance: fc.integer({ min: 0, max: 99 }),
          }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(40_000) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('view' as const), world: fc.nat(1) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('table' as const) }) },
      ),
      { minLength: 10, maxLength: 80 },
    );
    fc.assert(
      fc.property(repeatable, fc.tuple(worlds, worlds), steps, (source, made, script) => {
        let nowMs = 0;
        let random = 0;
        const viewOf = ({ states, changes, drained }: (typeof made)[number]): StateView =>
          createStateView(
            {
              targets: new Map<string, RuledTarget>(
                TARGETS.map((id, i) => [id, { state: states[i] ?? 'up', earliestChangeMs: changes }]),
              ),
              drains: new Map<string, DrainTimes>(drained ? [['default/a', { sinceMs: nowMs }]] : []),
              lastHealthy: new Map(),
              takenAtMs: nowMs,
              freshAtMs: nowMs,
            },
            () => nowMs,
          );
        let view = viewOf(made[0]);
        const makeTable = (): AnswerTable =>
          tableOf(
            source,
            () => view,
            () => random,
          );
        let table = makeTable();
        const memo = new AnswerMemo();
        for (const step of script) {
          if (step.kind === 'wait') nowMs += step.ms;
          else if (step.kind === 'view') view = viewOf(made[step.world] ?? made[0]);
          else if (step.kind === 'table') table = makeTable();
          else {
            // Not on the edge between two stretches, where rounding may decide: edges are fractions of small numbers (0.375 is one).
            random = (step.chance + 1 / Math.PI) / 100;
            const { kept, fresh } = both(memo, table, queryOf(NAME, step.type), step.client);
            if (kept === undefined) continue;
            hits += 1;
            expect(kept).toBe(fresh);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(hits).toBeGreaterThan(200);
  });

  const up = new Map(
    TARGETS.map((id) => [id, { state: 'up', earliestChangeMs: NO_PENDING_CHANGE_MS }] as const),
  );
  const steadyView = (freshAtMs = Number.POSITIVE_INFINITY, content: object = {}): StateView =>
    createStateView(
      { targets: up, drains: new Map(), lastHealthy: new Map(), takenAtMs: 0, freshAtMs },
      () => 0,
      content,
    );
  const anybody: ClientAddress = {
    family: 4,
    bytes: Uint8Array.of(198, 51, 100, 7),
    prefixLength: 32,
    source: 'resolver',
  };
  const plain = policyOf({ defaultTiers: [{ members: [{ endpoint: 'fra', weight: 1 }] }] });

  it('is that of a static set too, but not below a wildcard, behind an alias or of another type', () => {
    const table = tableOf(plain, steadyView, Math.random);
    const memo = new AnswerMemo();
    const twice = (name: string, type: number): boolean => {
      both(memo, table, queryOf(name, type), anybody);
      const { kept, fresh } = both(memo, table, queryOf(name, type), anybody);
      if (kept !== undefined) expect(kept).toBe(fresh);
      return kept !== undefined;
    };
    expect(twice(STATIC, TYPE.A)).toBe(true);
    expect(twice(STATIC, TYPE.AAAA)).toBe(false);
    expect(twice('x.wild.example.test', TYPE.A)).toBe(false);
    expect(twice('alias.example.test', TYPE.A)).toBe(false);
    expect(twice('example.test', TYPE.SOA)).toBe(false);
    expect(twice('missing.example.test', TYPE.A)).toBe(false);
  });

  it('is forgotten with the table, with another state, and while the states are stale', () => {
    let view = steadyView();
    const random = (): number => 0;
    const current = (): StateView => view;
    const table = tableOf(plain, current, random);
    const memo = new AnswerMemo();
    const found = (from: AnswerTable): boolean => memo.find(queryOf(NAME, TYPE.A), from, () => anybody);
    both(memo, table, queryOf(NAME, TYPE.A), anybody);
    expect(found(table)).toBe(true);
    expect(found(tableOf(plain, current, random))).toBe(false);
    const content = {};
    view = steadyView(0, content);
    expect(found(table)).toBe(false);
    both(memo, table, queryOf(NAME, TYPE.A), anybody);
    expect(found(table)).toBe(true);
    view = steadyView(0, content); // only heard again
    expect(found(table)).toBe(true);
    view = steadyView(-31_000, content);
    expect(found(table)).toBe(false);
  });

  it('is drawn anew each time, in proportion to the weights', () => {
    const weighted = policyOf({
      defaultTiers: [
        {
          members: [
            { endpoint: 'fra', weight: 3 },
            { endpoint: 'par', weight: 1 },
          ],
        },
      ],
    });
    let turn = 0;
    const random = (): number => {
      turn += 1;
      return (turn % 100) / 100;
    };
    const view = steadyView();
    const table = tableOf(weighted, () => view, random);
    const memo = new AnswerMemo();
    both(memo, table, queryOf(NAME, TYPE.A), anybody);
    const seen = new Map<number, number>();
    for (let i = 0; i < 100; i += 1) {
      expect(memo.find(queryOf(NAME, TYPE.A), table, () => anybody)).toBe(true);
      seen.set(memo.from, (seen.get(memo.from) ?? 0) + 1);
    }
    expect([...seen.values()].sort((a, b) => a - b)).toEqual([25, 75]);
  });

  it('forgets everything rather than growing', () => {
    const memo = new AnswerMemo();
    const records = Array.from({ length: 4_000 }, (_, i) => ({
      name: `n${i}`,
      type: 'A',
      data: Array.from({ length: 20 }, (_each, j) => `10.${i >> 8}.${i & 255}.${j}`),
    }));
    const table = new AnswerTable([
      compileZoneOrThrow({
        origin: parseName('example.test'),
        serial: 1,
        nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
        soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
        ttlSeconds: 300,
        records,
        routed: [],
      }),
    ]);
    for (const { name } of records) {
      const { kept } = both(memo, table, queryOf(`${name}.example.test`, TYPE.A), anybody);
      expect(kept).toBeUndefined();
    }
    const last = both(memo, table, queryOf('n3999.example.test', TYPE.A), anybody);
    expect(last.kept).toBe(last.fresh);
    expect(memo.find(queryOf('n0.example.test', TYPE.A), table, () => anybody)).toBe(false);
  });
});

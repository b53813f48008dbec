import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DnsQuestion } from '../../nameserver/ask.ts';
import { CLASS, RCODE, TYPE } from '../../src/dns/types.ts';
import { makeQuery } from '../../src/dns/wire/message.ts';
import {
  HelloSchema,
  type HubMessage,
  ObservationBatch_ObservationSchema,
  ObservationBatchSchema,
  type Observe,
} from '../../src/protocol/generated/portolan_pb.js';
import type { Resource } from '../../src/resources/catalogue.ts';
import { startTestEngine, type TestEngine } from '../reconcile/engine-fixture.ts';
import { CONTEXT, cluster, document, policy, stored, zone } from '../reconcile/testing.ts';
import { createDrillView } from './view.ts';

let at: TestEngine;
let asked: DnsQuestion[];
let sent: { readonly agentUid: string; readonly observe: Observe }[];
let view: ReturnType<typeof createDrillView>;
let rcode: number;

const drillOf = (spec: object): Resource<'Drill'> => {
  const drill = stored(document('Drill', 'd', spec));
  if (drill.kind !== 'Drill') throw new Error('no drill');
  return drill;
};
const drill = drillOf({ action: 'drain', cluster: 'de' });

beforeEach(async () => {
  at = await startTestEngine();
  asked = [];
  rcode = RCODE.NOERROR;
  sent = [];
  view = createDrillView({
    engine: at.engine,
    context: CONTEXT,
    // One network a country is enough to tell them apart.
    places: {
      networkIn: (country) =>
        country === 'US'
          ? undefined
          : { family: 4, bytes: Uint8Array.of(192, 0, 2, 0), prefixLength: 24, source: 'ecs' },
    },
    ownServer: () => ({ host: '127.0.0.1', port: 53 }),
    ask: async (question) => {
      asked.push(question);
      return {
        rcode,
        truncated: false,
        message: makeQuery(1, { name: question.name, type: question.type, class: CLASS.IN }),
        answers: [{ name: question.name, type: question.type, ttlSeconds: 7, data: '198.51.100.1' }],
      };
    },
    send(agentUid, message: HubMessage) {
      if (message.kind.case === 'observe') sent.push({ agentUid, observe: message.kind.value });
    },
    wallMs: at.wallMs,
  });
  await at.caughtUp(
    await at.put(
      cluster('de', 'DE', '198.51.100.1'),
      cluster('fr', 'FR', '198.51.100.2'),
      zone('example', 'example.com'),
      policy('www', ['www.example.com', '*.apps.example.com'], ['de', 'fr']),
    ),
  );
});
afterEach(() => at.close());

describe('what a drill asks', () => {
  it('is every hostname, also below a wildcard, from every country it can find a network for', async () => {
    const seen = await at.settle(view.observe(drill));
    expect(asked.map((q) => `${q.name} ${q.type}`).sort()).toEqual([
      'drill.apps.example.com. 1',
      'drill.apps.example.com. 1',
      'www.example.com. 1',
      'www.example.com. 1',
    ]);
    expect(new Set(seen.map((s) => `${s.hostname} ${s.country}`))).toEqual(
      new Set([
        '*.apps.example.com. DE',
        '*.apps.example.com. FR',
        'www.example.com. DE',
        'www.example.com. FR',
      ]),
    );
    expect(seen[0]).toMatchObject({ server: 'hub', answers: ['198.51.100.1'], ttlSeconds: 7 });
  });

  it('is for IPv6 addresses where there are no others', async () => {
    await at.caughtUp(
      await at.put(
        cluster('six', 'DE', '2a00:1450::6'),
        policy('v6', ['v6.example.com'], ['six', 'fr'], { residency: [{ region: 'EU' }] }),
        policy('only6', ['only6.example.com'], ['six']),
      ),
    );
    await at.settle(view.observe(drillOf({ action: 'drain', cluster: 'six', countries: ['DE'] })));
    expect(asked.map((q) => [q.name, q.type])).toEqual([
      ['only6.example.com.', TYPE.AAAA],
      ['v6.example.com.', TYPE.A],
    ]);
  });

  it('counts as not answered when the name server says SERVFAIL, but not when it says that nothing is there', async () => {
    rcode = RCODE.SERVFAIL;
    for (const sample of await at.settle(view.observe(drill)))
      expect(sample).toMatchObject({ server: 'hub', error: 'answered SERVFAIL' });
    rcode = RCODE.NXDOMAIN;
    const seen = await at.settle(view.observe(drill));
    expect(seen).toHaveLength(4);
    for (const sample of seen) expect(sample).not.toHaveProperty('error');
  });

  it('of an agent is answered by that agent alone, or counts as silence', async () => {
    const uid = await at.join('us');
    at.engine.onHello(
      uid,
      create(HelloSchema, { agentVersion: '0.1.0', incarnation: 'i', nameServers: ['192.0.2.9:53'] }),
    );
    const observing = view.observe(drillOf({ action: 'drain', cluster: 'de', countries: ['DE'] }));
    const question = await at.until(() => sent[0]);
    expect(question.agentUid).toBe(uid);
    const answer = (text: string) =>
      create(ObservationBatchSchema, {
        id: question.observe.id,
        observations: question.observe.questions.map((q) =>
          create(ObservationBatch_ObservationSchema, {
            hostname: q.hostname,
            country: q.country,
            answers: [text],
            ttlSeconds: 3,
          }),
        ),
      });
    view.onObservations('somebody-else', answer('203.0.113.66'));
    view.onObservations(uid, answer('198.51.100.2'));
    const seen = (await at.settle(observing)).filter((s) => s.server === 'default/us');
    expect(seen.map((s) => [s.hostname, ...s.answers])).toEqual([
      ['*.apps.example.com.', '198.51.100.2'],
      ['www.example.com.', '198.51.100.2'],
    ]);
    const silent = (await at.settle(view.observe(drill))).filter((s) => s.server === 'default/us');
    expect(silent.length).toBeGreaterThan(0);
    for (const s of silent) expect(s).toMatchObject({ answers: [], error: 'no answer from the agent' });
  });
});

describe('what a drill watches', () => {
  it('sees a drain as detected and decided once the cluster is out', async () => {
    expect(view.progress(drill)).toMatchObject({ detected: false, decided: false });
    at.effects.set({ id: 'default/d', action: 'drain', cluster: 'default/de', sinceMs: at.monotonicMs() });
    expect(view.progress(drill)).toMatchObject({ detected: true, decided: true });
    expect(at.answers('www.example.com')).toEqual(['198.51.100.2']);
    at.effects.clear('default/d');
    expect(view.progress(drill)).toMatchObject({ decided: false });
  });

  it('a drain effect outlives its lease only because it is renewed', async () => {
    at.effects.set({ id: 'default/d', action: 'drain', cluster: 'default/de', sinceMs: at.monotonicMs() });
    await at.beats(30);
    expect(at.engine.health.isDrained('default/de')).toBe(true);
    at.effects.clear('default/d');
    expect(at.engine.health.isDrained('default/de')).toBe(false);
  });

  it('knows the share that the routing code gives the cluster, without asking anybody', async () => {
    const de = drillOf({ action: 'drain', cluster: 'de', countries: ['DE'] });
    const percents = (): readonly number[] => view.share(de).map((s) => s.percent);
    expect(view.share(de)).toContainEqual({ hostname: 'www.example.com.', country: 'DE', percent: 50 });
    at.effects.set({ id: 'default/d', action: 'drain', cluster: 'default/de', sinceMs: at.monotonicMs() });
    expect(percents()).toEqual([0, 0]);
    at.effects.clear('default/d');
    expect(percents()).toEqual([50, 50]);
    expect(asked).toEqual([]);
  });

  it('a ramp leaves a share, and the plan says when it outlasts the drill', async () => {
    await at.caughtUp(
      await at.put(policy('slow', ['slow.example.com'], ['de', 'fr'], { drainRampSeconds: 100 })),
    );
    const short = drillOf({ action: 'drain', cluster: 'de', countries: ['DE'], durationSeconds: 12 });
    const share = (): number =>
      view.share(short).find((s) => s.hostname === 'slow.example.com.')?.percent ?? Number.NaN;
    at.effects.set({ id: 'default/d', action: 'drain', cluster: 'default/de', sinceMs: at.monotonicMs() });
    await at.beats(12);
    expect(share()).toBeLessThan(49);
    expect(share()).toBeGreaterThan(40);
    expect(view.rampSeconds(short)).toBe(100);
    expect(view.guards(short).filter((g) => g.name === 'ramp')).toEqual([
      {
        name: 'ramp',
        ok: true,
        detail:
          'default/slow: its drainRampSeconds (100) is longer than the 12 s of the drill, which ends when 12 % of the weight of default/de is taken',
      },
    ]);
    const long = drillOf({ action: 'drain', cluster: 'de', durationSeconds: 100 });
    expect(view.guards(long).filter((g) => g.name === 'ramp')).toEqual([]);
    expect(view.guards(drillOf({ action: 'fail', cluster: 'de' })).map((g) => g.name)).not.toContain('ramp');
    expect(view.rampSeconds(drillOf({ action: 'fail', cluster: 'de' }))).toBe(0);
  });

  it('refuses a cluster that no hostname uses, and one without which too little is left', async () => {
    await at.caughtUp(await at.put(cluster('us', 'US', '198.51.100.3')));
    expect(view.guards(drillOf({ action: 'fail', cluster: 'us' }))).toMatchObject([
      { name: 'target', ok: false },
    ]);
    expect(view.guards(drill).every((g) => g.ok)).toBe(true);
    const half = drillOf({ action: 'fail', cluster: 'de', guards: { minCapacityPercent: 60 } });
    expect(view.guards(half)[0]).toMatchObject({
      name: 'capacity',
      ok: false,
      detail: expect.stringContaining(
        '50 % of the capacity is healthy outside default/de; 60 % needed',
      ) as unknown,
    });
  });

  it('notices an answer from outside the residency region, also below a wildcard', async () => {
    await at.caughtUp(
      await at.put(
        cluster('us', 'US', '198.51.100.3'),
        policy('eu', ['eu.example.com', '*.eu.example.com'], ['de', 'us'], { residency: [{ region: 'EU' }] }),
      ),
    );
    const answered = { server: 'paris', hostname: '*.eu.example.com.', ttlSeconds: 5 };
    expect(view.breach({ ...answered, country: 'DE', answers: ['198.51.100.3'] })).toMatchObject({
      name: 'residency',
      ok: false,
    });
    expect(view.breach({ ...answered, country: 'DE', answers: ['198.51.100.1'] })).toBeUndefined();
    expect(view.breach({ ...answered, country: 'US', answers: ['198.51.100.3'] })).toBeUndefined();
  });
});

import { describe, expect, test } from 'vitest';
import { DEFAULT_QUORUM, type Vote } from '../../src/health/types.ts';
import { createAgentDecision } from '../decision.ts';
import { target } from '../testing/hub-stand-in.ts';
import { createControlEndpoints } from './control-endpoints.ts';
import type { EndpointsMessage } from './messages.ts';

const silent = (): void => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };
const OWN = 't-eu';
const KEY = 'shop/web:80';

function world() {
  const sent: EndpointsMessage[] = [];
  const told: (readonly string[])[] = [];
  const state = { nowMs: 1_000 };
  const endpoints = createControlEndpoints({
    send: (message) => void sent.push(message),
    allowedRanges: [],
    inUse: { used: [KEY], watched: [[OWN, [KEY]]] },
    onVotes: (targets) => void told.push(targets),
    monotonicMs: () => state.nowMs,
    log,
  });
  const slice = (line: string): void =>
    endpoints.feed.slices(
      new Map([['shop/web-1', { service: 'shop/web', ports: 'http=8080', endpoints: line }]]),
    );
  return {
    endpoints,
    sent,
    told,
    state,
    slice,
    sync(): void {
      endpoints.feed.services(new Map([['shop/web', { ports: [{ port: 80, name: 'http' }] }]]));
      endpoints.feed.synced();
    },
  };
}

const vote = (targetId: string, verdict: Vote['verdict'] = 'up'): Vote => ({
  vantage: 'agent/a',
  failureDomain: 'eu-1',
  targetId,
  verdict,
  sequence: 1,
  ageMs: 300,
  sinceMs: 5_000,
  detail: '3 ms',
});

describe("what Services say of the cluster's own targets", () => {
  test('no ready endpoint is a DOWN vote with the reason, told at once; one again, and the probe speaks', () => {
    const { endpoints, told, state, slice, sync } = world();
    slice('10.0.0.1 r - -');
    sync();
    expect(endpoints.join([vote(OWN), vote('t-us')])).toEqual([vote(OWN), vote('t-us')]);
    slice('');
    expect(told).toEqual([[OWN]]);
    state.nowMs += 700;
    expect(endpoints.join([vote(OWN), vote('t-us')])).toEqual([
      {
        ...vote(OWN),
        verdict: 'down',
        ageMs: 0,
        sinceMs: 700,
        detail: 'no ready endpoint of shop/web:80 (Kubernetes)',
      },
      vote('t-us'),
    ]);
    slice('10.0.0.2 r - -');
    expect(told).toEqual([[OWN], [OWN]]);
    expect(endpoints.join([vote(OWN)])).toEqual([vote(OWN)]);
  });

  test('an API server that was not read yet says nothing', () => {
    const { endpoints, told } = world();
    endpoints.feed.slices(new Map());
    expect(endpoints.join([vote(OWN)])).toEqual([vote(OWN)]);
    expect(told).toEqual([]);
  });

  test('a vote that a drill made stays as the drill made it', () => {
    const { endpoints, sync } = world();
    sync();
    const injected = { ...vote(OWN, 'down'), injected: true, detail: 'injected by drill d' };
    expect(endpoints.join([injected])).toEqual([injected]);
  });

  test('other targets may depend on Services with the next configuration', () => {
    const { endpoints, told, sync, sent } = world();
    sync();
    endpoints.use({ type: 'services', id: 7, used: [KEY, 'shop/api:80'], watched: [['t-us', [KEY]]] });
    expect(sent.at(-1)).toEqual({
      type: 'endpoints',
      answers: 7,
      services: [
        [KEY, []],
        ['shop/api:80', null],
      ],
    });
    expect(told.at(-1)).toEqual([OWN, 't-us']);
    expect(endpoints.join([vote(OWN), vote('t-us')]).map(({ verdict }) => verdict)).toEqual(['up', 'down']);
  });

  test('I16 it is one vantage point: alone it takes nothing down, together with another failure domain it does', () => {
    const { endpoints, sync } = world();
    sync();
    const decision = createAgentDecision();
    const at = (ms: number) => ({ nowMs: 1_000_000 + ms, wallMs: 1_700_000_000_000 + ms });
    decision.applySnapshot(
      {
        epoch: 1,
        quorum: DEFAULT_QUORUM,
        targets: [target(OWN, 'eu-1'), target('t-us', 'us-1')],
        drains: [],
      },
      at(0),
    );
    const hear = (domain: string, votes: readonly Vote[], ms: number): void => {
      decision.votes(
        {
          vantage: `agent/${domain}`,
          failureDomain: domain,
          incarnation: domain,
          sequence: ms + 1,
          connectedAgeMs: 0,
          complete: true,
          votes,
        },
        at(ms).nowMs,
      );
    };
    let ms = 0;
    const pass = (seconds: number, others: Vote['verdict']) => {
      let ruling = decision.tick(at(ms));
      for (const end = ms + seconds * 1_000; ms < end; ms += 500) {
        hear('eu-1', endpoints.join([{ ...vote(OWN), ageMs: 0 }]), ms);
        for (const domain of ['us-1', 'as-1'])
          hear(domain, [{ ...vote(OWN, others), ageMs: 0, sinceMs: 0 }], ms);
        ruling = decision.tick(at(ms));
      }
      return ruling.targets.get(OWN)?.memory.state;
    };
    expect(endpoints.join([vote(OWN)])[0]?.verdict).toBe('down');
    expect(pass(60, 'up')).toBe('up');
    // Probes of the others through the gateway get its 503 and agree.
    expect(pass(10, 'down')).toBe('down');
  });
});

import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GatewayPart, NO_GATEWAY, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import type { ChallengeType } from '../../src/resources/certificate-policy.ts';
import { containing } from '../../test/support/matchers.ts';
import { until } from '../../test/support/until.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import type { WantedChallenge } from './contract.ts';
import { createGatewayChallenges, type GatewayChallenges } from './gateway-challenges.ts';

type Agent = Pick<KnownAgent, 'connected' | 'applied' | 'refused' | 'snapshotParts'>;

let gateways: Map<string, Pick<ClusterGateways, 'part' | 'secrets' | 'digest'>>;
let agents: Map<string, Agent>;
let challenges: GatewayChallenges;
let said: string[];

const listenerOf = (
  namespace: string,
  hostname: string | undefined,
  certificates: readonly string[] = [],
) => ({
  id: `${namespace}/gw/l`,
  source: { kind: 'Gateway', name: `${namespace}/gw` },
  ...(hostname === undefined ? {} : { hostname }),
  tls: { certificates },
  hosts: [],
});
const partOf = (
  ...ports: readonly [protocol: 'http' | 'https', port: number, hostname?: string][]
): GatewayPart => ({
  ...NO_GATEWAY,
  ports: ports.map(([protocol, port, hostname]) => ({
    port,
    protocol,
    edge: 'e',
    listeners: [listenerOf('shop', hostname)],
  })),
});
const wanted = (name: string, type: ChallengeType = 'http-01', token = `token-${name}`): WantedChallenge => ({
  namespace: 'shop',
  certificate: 'cert-1',
  challenge: {
    name,
    wildcard: false,
    type,
    authorizationUrl: 'a',
    challengeUrl: 'c',
    token,
    keyAuthorization: `${token}.thumb`,
  },
});
/** As the hub does after `onChange`: every cluster's secrets are made anew. */
function compile(): void {
  for (const [cluster, { part }] of gateways) {
    const found = challenges.of(cluster, part);
    gateways.set(cluster, {
      part,
      secrets: { ...NO_GATEWAY_SECRETS, ...(found === undefined ? {} : { challenges: found }) },
      digest: JSON.stringify(found ?? {}),
    });
  }
}
function confirm(...clusters: readonly string[]): void {
  for (const cluster of clusters) {
    const digest = gateways.get(cluster)?.digest ?? '';
    agents.set(cluster, {
      connected: true,
      refused: undefined,
      snapshotParts: ['gateway'],
      applied: { version: 1, hash: '', sequence: 1, gateway: digest },
    });
  }
}

beforeEach(() => {
  const own = { secrets: NO_GATEWAY_SECRETS, digest: '' };
  gateways = new Map([
    ['shop/fra', { ...own, part: partOf(['http', 80], ['https', 443]) }],
    ['shop/ams', { ...own, part: partOf(['http', 80]) }],
    [
      'bank/fra',
      {
        ...own,
        part: {
          ...partOf(),
          ports: [{ port: 80, protocol: 'http', edge: 'e', listeners: [listenerOf('bank', undefined)] }],
        },
      },
    ],
  ]);
  agents = new Map();
  said = [];
  const log = { info: (d: object, m: string) => void said.push(`${m} ${JSON.stringify(d)}`) };
  challenges = createGatewayChallenges({
    gateways: () => gateways,
    agentOf: (cluster) => agents.get(cluster),
    onChange: () => compile(),
    randomBytes,
    wallMs: Date.now,
    log: { ...log, warn: log.info },
    patienceMs: 400,
  });
  confirm('shop/fra', 'shop/ams', 'bank/fra');
});
afterEach(() => Promise.all([challenges.http.close(), challenges.tlsAlpn.close()]));

const signal = new AbortController().signal;
const answersOf = (cluster: string) => gateways.get(cluster)?.secrets.challenges;

describe('challenges that gateways answer', () => {
  it('can be used for names of the namespace’s own Gateways, on clusters with the port that a CA asks at', async () => {
    expect(await challenges.http.can('shop', 'a.example', signal)).toEqual({ ok: true });
    expect(await challenges.tlsAlpn.can('shop', 'a.example', signal)).toEqual({ ok: true });
    expect(await challenges.tlsAlpn.can('bank', 'a.example', signal)).toEqual({
      ok: false,
      why: containing('HTTPS'),
    });
    gateways.set('shop/fra', {
      part: partOf(['https', 8443, 'b.example']),
      secrets: NO_GATEWAY_SECRETS,
      digest: '',
    });
    expect((await challenges.tlsAlpn.can('shop', 'a.example', signal)).ok).toBe(false);
    expect((await challenges.tlsAlpn.can('shop', 'b.example', signal)).ok).toBe(true);
    expect(said.join()).toContain('at port 443');
  });

  it('go to the clusters whose gateways serve the name, never to those of another namespace, and leave them again', () => {
    challenges.http.want([wanted('a.example')]);
    expect(answersOf('shop/fra')?.http).toEqual({ 'token-a.example': 'token-a.example.thumb' });
    expect(answersOf('shop/ams')?.http).toEqual({ 'token-a.example': 'token-a.example.thumb' });
    expect(answersOf('bank/fra')).toBeUndefined();
    const { version } = challenges;
    challenges.http.want([wanted('a.example')]);
    expect(challenges.version).toBe(version);
    confirm('shop/fra', 'shop/ams');
    challenges.http.want([]);
    expect(answersOf('shop/fra')).toBeUndefined();
  });

  it('are visible once every agent that is there has confirmed them, not before', async () => {
    const one = wanted('a.example');
    challenges.http.want([one]);
    let visible = false;
    const waiting = challenges.http.visible(one, signal).then(() => {
      visible = true;
    });
    confirm('shop/fra');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(visible).toBe(false);
    confirm('shop/ams');
    await waiting;
    expect(visible).toBe(true);
  });

  it('name the agents that did not confirm; one that is away is said in the log, all away is an error', async () => {
    const one = wanted('a.example');
    challenges.http.want([one]);
    confirm('shop/fra');
    await expect(challenges.http.visible(one, signal)).rejects.toMatchObject({
      code: 'CHALLENGE_NOT_VISIBLE',
      message: containing('shop/ams has not confirmed it'),
    });
    const away = agents.get('shop/ams');
    if (away !== undefined) agents.set('shop/ams', { ...away, connected: false });
    await challenges.http.visible(one, signal);
    expect(said.join()).toContain('shop/ams');
    agents.clear();
    await expect(challenges.http.visible(one, signal)).rejects.toMatchObject({
      message: containing('no connection'),
    });
  });

  it('an agent that confirms an earlier set with the challenge in it has it', async () => {
    const [first, second] = [wanted('a.example'), wanted('b.example')];
    challenges.http.want([first]);
    confirm('shop/fra', 'shop/ams');
    await challenges.http.visible(first, signal);
    challenges.http.want([first, second]);
    // The newest is not confirmed, and it need not be.
    await challenges.http.visible(first, signal);
    await expect(challenges.http.visible(second, signal)).rejects.toMatchObject({
      code: 'CHALLENGE_NOT_VISIBLE',
    });
  });

  it('while agents take one set the next is gathered', async () => {
    challenges.http.want([wanted('a.example')]);
    const { version } = challenges;
    challenges.http.want([wanted('a.example'), wanted('b.example')]);
    challenges.http.want([wanted('a.example'), wanted('b.example'), wanted('c.example')]);
    expect(challenges.version).toBe(version);
    confirm('shop/fra', 'shop/ams');
    await until('the rest is published', async () => challenges.version === version + 1, 2_000, 10);
    expect(Object.keys(answersOf('shop/fra')?.http ?? {})).toHaveLength(3);
  });

  it('of tls-alpn-01 are visible only with the certificate that was made for them', async () => {
    const one = wanted('a.example', 'tls-alpn-01');
    challenges.tlsAlpn.want([one]);
    await until(
      'it is made',
      async () => answersOf('shop/fra')?.tlsAlpn['a.example'] !== undefined,
      5_000,
      10,
    );
    expect(answersOf('shop/ams')).toBeUndefined();
    await expect(challenges.tlsAlpn.visible(one, signal)).rejects.toMatchObject({
      code: 'CHALLENGE_NOT_VISIBLE',
    });
    confirm('shop/fra');
    await challenges.tlsAlpn.visible(one, signal);
  });
});

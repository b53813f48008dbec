import type { WantedChallenge } from '../../../hub/certificates/contract.ts';
import { createDns01Presenter } from '../../../hub/certificates/dns-01/presenter.ts';
import { createChallengeTexts } from '../../../hub/certificates/dns-01/texts.ts';
import { systemProviderClock } from '../../../hub/providers/clock.ts';
import { createProviderDesk } from '../../../hub/providers/desk.ts';
import { memoryStore } from '../../../hub/providers/zone-worker-fixture.ts';
import { objectsOf } from '../../../hub/reconcile/objects.ts';
import { CONTEXT, stored } from '../../../hub/reconcile/testing.ts';
import { buildWorld } from '../../../hub/reconcile/world.ts';
import type { Ask } from '../../../hub/verify/ask.ts';
import { PROVIDER_KINDS } from '../../../providers/catalogue.ts';
import type { ProviderKind } from '../../../providers/contract.ts';
import { type DomainName, parseName } from '../../../src/dns/name.ts';
import type { AnyResource } from '../../../src/resources/catalogue.ts';
import { dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { isPossible, type ProviderHarness, type Running } from '../../conformance/provider-harness.ts';
import { UNHINDERED } from '../../support/unhindered.ts';

/** A provider of a rig: a server of the conformance suite, under the name of a DNSProvider of namespace `default`. */
export interface RigProvider {
  readonly name: string;
  readonly kind: ProviderKind;
  readonly running: Running;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface RigOptions {
  readonly providers: readonly RigProvider[];
  readonly store?: ReturnType<typeof memoryStore>;
  readonly epoch?: number;
  /** Where CNAME records elsewhere lead; rejects where nobody says. */
  readonly aliasOf?: (name: DomainName) => Promise<DomainName | undefined>;
  readonly patienceMs?: number;
}

const ADDRESS = '127.0.0.1';

/** A hub as far as it has to do with DNS providers and challenges. */
export function startRig({ providers, store = memoryStore(), epoch = 1, aliasOf, patienceMs }: RigOptions) {
  const byName = new Map(providers.map((one, index) => [`default/${one.name}`, { ...one, port: index + 1 }]));
  const kinds = { ...PROVIDER_KINDS };
  for (const { kind } of providers)
    Object.assign(kinds, {
      [kind.type]: {
        ...kind,
        open: (options: Parameters<ProviderKind['open']>[0]) => {
          const found = byName.get(options.name);
          if (found === undefined) throw new Error(`no server for ${options.name}`);
          return found.running.open({ name: options.name, owner: options.owner, turn: options.turn });
        },
      } satisfies ProviderKind,
    });
  const resources = [...byName.values()].map(({ name, running, spec, port }) =>
    stored({
      kind: 'DNSProvider',
      metadata: { namespace: 'default', name, labels: {}, annotations: {} },
      // Answers are had of the server that stands for these.
      spec: {
        ...running.spec,
        verify: dnsProviderSpec.shape.verify.parse({ servers: [{ address: ADDRESS, port }] }),
        ...spec,
      },
    } as unknown as Parameters<typeof stored>[0]),
  );
  const world = buildWorld(objectsOf(resources as readonly AnyResource[]), CONTEXT);
  const texts = createChallengeTexts(() => desk.challengesChanged());
  const warnings: string[] = [];
  const desk = createProviderDesk({
    kinds,
    store: {
      ...store,
      epoch,
      hubUid: 'rig',
      secretData: async () => ({ access: 'there' }),
    },
    challenges: texts,
    leads: async () => true,
    regions: CONTEXT.regions,
    view: () => ({
      target: () => ({ state: 'up', earliestChangeMs: Number.POSITIVE_INFINITY }),
      cluster: () => ({}),
      lastHealthy: () => [],
      staleForMs: 0,
    }),
    guard: UNHINDERED.guard,
    onStatus: () => undefined,
    clock: systemProviderClock,
    random: Math.random,
    log: { info: () => undefined, warn: (_details, message) => void warnings.push(message) },
  });
  const ask: Ask = async (server, { name, type }) => {
    const found = [...byName.values()].find(({ port }) => port === server.port);
    if (found === undefined || !isPossible(found.running.ask))
      return { kind: 'silent', why: 'nobody is there' };
    try {
      const { rcode, answers, message } = await found.running.ask(name, type);
      return { kind: 'answer', rcode, authoritative: message.flags.authoritative, records: answers };
    } catch (error) {
      return { kind: 'silent', why: String(error) };
    }
  };
  const presenter = createDns01Presenter({
    world: () => world,
    desk,
    texts,
    aliasOf: aliasOf ?? (async () => undefined),
    ask,
    guard: UNHINDERED.guard,
    servers: () => [],
    clock: systemProviderClock,
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  desk.follow(world);
  desk.start();
  return {
    desk,
    presenter,
    warnings,
    /** Ends it as a kill does: nothing is cleaned up. */
    async close() {
      await presenter.close();
      await desk.close();
    },
  };
}

export type Rig = ReturnType<typeof startRig>;

/** A challenge of `name`; another token is another value. */
export function challenge(
  name: string,
  token: string,
  more: { readonly wildcard?: boolean } = {},
): WantedChallenge {
  return {
    namespace: 'default',
    certificate: `cert-${token}`,
    challenge: {
      name,
      wildcard: more.wildcard ?? false,
      type: 'dns-01',
      authorizationUrl: `https://ca.example/authz/${token}`,
      challengeUrl: `https://ca.example/chall/${token}`,
      token,
      keyAuthorization: `${token}.thumbprint`,
    },
  };
}

/** Values of the TXT records that the server of a provider answers; empty: none. */
export async function textsAt({ ask }: Running, name: string): Promise<readonly string[]> {
  if (!isPossible(ask)) throw new Error(ask.why);
  const { answers, message } = await ask(parseName(name), 'TXT');
  void message;
  return answers.map(({ data }) => data.replaceAll('"', '')).sort();
}

export type { ProviderHarness };

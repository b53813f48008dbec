import { setImmediate as breath } from 'node:timers/promises';
import { machineResolve } from '../../prober/resolve.ts';
import type { ProviderClock } from '../../providers/contract.ts';
import type { GeoLookup, RegionTable, StateView } from '../../src/routing/model.ts';
import type { DnsServices } from '../api/dns-services.ts';
import type { ChallengeTexts } from '../certificates/dns-01/texts.ts';
import type { Engine } from '../reconcile/engine.ts';
import type { Store } from '../store/contract.ts';
import { createAsk } from '../verify/ask.ts';
import { placeClients } from '../verify/place-clients.ts';
import { createVerifier, type ZoneVerification } from '../verify/verifier.ts';
import { createProviderDesk, type DeskZone, type ProviderDesk } from './desk.ts';
import { createOutboundGuard } from './outbound.ts';
import type { ProviderKinds } from './provider-connections.ts';
import { createDnsServices, type DnsServicesOptions } from './services.ts';
import { createDnsStatus, type DnsStatus } from './status.ts';

export interface DnsPartOptions {
  readonly kinds: ProviderKinds;
  readonly store: Store;
  /** Challenges of certificates, for zones at providers. */
  readonly challenges?: Pick<ChallengeTexts, 'texts' | 'complete'>;
  /** `undefined` while the hub is put together. */
  readonly engine: () => Pick<Engine, 'leads' | 'statusesDue' | 'health'> | undefined;
  readonly regions: RegionTable;
  /** CIDR blocks the operator permits although they would be refused (I32). */
  readonly allowedRanges: readonly string[];
  /** Namespaces whose DNSProviders may use the hub's own credentials. */
  readonly ownCredentials: readonly string[];
  readonly geo: () => GeoLookup;
  readonly clock: ProviderClock;
  readonly random: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** Everything of the hub that has to do with DNS providers, wired together. */
export interface DnsPart {
  readonly desk: ProviderDesk;
  readonly status: DnsStatus;
  readonly verification: (zone: DeskZone) => ZoneVerification | undefined;
  services(worlds: Pick<DnsServicesOptions, 'currentWorld' | 'worldAfter'>): DnsServices;
  close(): Promise<void>;
}

/** Questions to authoritative servers that are under way at once. */
const ASKED_AT_ONCE = 64;

const NOBODY: StateView = {
  target: () => ({ state: 'unknown', earliestChangeMs: Number.POSITIVE_INFINITY }),
  cluster: () => ({}),
  lastHealthy: () => [],
  staleForMs: 0,
};

export function createDnsPart(options: DnsPartOptions): DnsPart {
  const { store, clock, engine } = options;
  const guard = createOutboundGuard({ allowedRanges: options.allowedRanges, resolve: machineResolve() });
  const verifier = createVerifier({
    ask: createAsk(ASKED_AT_ONCE),
    guard,
    clock,
    clients: () => placeClients(options.geo(), () => breath()),
    onState: () => engine()?.statusesDue(),
  });
  const desk = createProviderDesk({
    kinds: options.kinds,
    store,
    challenges: options.challenges,
    leads: () => engine()?.leads() ?? Promise.resolve(false),
    regions: options.regions,
    view: () => engine()?.health.view ?? NOBODY,
    guard,
    ownCredentials: options.ownCredentials,
    onStatus: () => engine()?.statusesDue(),
    onProgrammed(zone, changed) {
      const at = zone.worker.zone;
      if (at === undefined) return;
      const names = new Map(
        changed.flatMap((name) => {
          const reported = zone.names.find(({ desired }) => desired.name === name);
          // What a rollback brought back is not what is wanted, and it is not known what each place gets of it.
          if (zone.worker.state.heldBack.has(name)) return [[name, []] as const];
          // A name that went may be answered by whatever is left: nothing is expected of it any more.
          return reported === undefined ? [[name, []] as const] : [[name, reported.expected()] as const];
        }),
      );
      const settings = zone.held.resource.spec.verify;
      verifier.verify({ provider: zone.held.provider, zone: at, settings, names });
    },
    onVerifyChanged(zone) {
      const at = zone.worker.zone;
      const settings = zone.held.resource.spec.verify;
      if (at !== undefined) verifier.renew({ provider: zone.held.provider, zone: at, settings });
    },
    onForgotten(zone) {
      if (zone.worker.zone !== undefined) verifier.forget(zone.held.provider, zone.worker.zone);
    },
    clock,
    random: options.random,
    log: options.log,
  });
  const verification = (zone: DeskZone): ZoneVerification | undefined => {
    const at = zone.worker.zone;
    return at === undefined ? undefined : verifier.state(zone.held.provider, at);
  };
  return {
    desk,
    status: createDnsStatus({ desk, verification }),
    verification,
    services: (worlds) => createDnsServices({ desk, store, verification, ...worlds }),
    async close() {
      await desk.close();
      await verifier.close();
    },
  };
}

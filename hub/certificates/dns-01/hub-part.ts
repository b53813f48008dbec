import { machineResolve } from '../../../prober/resolve.ts';
import { systemProviderClock } from '../../providers/clock.ts';
import type { ProviderDesk } from '../../providers/desk.ts';
import { createOutboundGuard } from '../../providers/outbound.ts';
import type { Engine } from '../../reconcile/engine.ts';
import { clusterOf, nameServersOf } from '../../reconcile/snapshot-agents.ts';
import { createAsk } from '../../verify/ask.ts';
import type { AuthoritativeServer } from '../../verify/authoritative.ts';
import { createAliasLookup } from './alias-lookup.ts';
import { createDns01Presenter, type Dns01Presenter } from './presenter.ts';
import type { MutableTexts } from './texts.ts';
import type { EmbeddedServer } from './visible-in-zone.ts';

export interface Dns01OfHubOptions {
  readonly texts: MutableTexts;
  /** `undefined` while the hub is put together. */
  readonly engine: () => Pick<Engine, 'agents' | 'world'> | undefined;
  readonly desk: Pick<ProviderDesk, 'zones' | 'problemOf' | 'started'>;
  /** The hub's own name server: the content it answers from, and where. */
  readonly own: () => {
    readonly sequence: number;
    readonly bound: readonly { readonly host: string; readonly port: number }[];
  };
  /** CIDR blocks the operator permits although they would be refused (I32). */
  readonly allowedRanges: readonly string[];
  /** Resolvers that are asked where `_acme-challenge` leads outside of our own zones; none: those of the machine. */
  readonly resolvers: readonly { readonly host: string; readonly port: number }[];
}

/** Questions to name servers that are under way at once. */
const ASKED_AT_ONCE = 64;

export function createDns01OfHub(options: Dns01OfHubOptions): Dns01Presenter {
  const guard = createOutboundGuard({ allowedRanges: options.allowedRanges, resolve: machineResolve() });
  const permitted = (address: string): boolean => {
    try {
      guard.check(address);
      return true;
    } catch {
      return false;
    }
  };
  function servers(): readonly EmbeddedServer[] {
    const { sequence, bound } = options.own();
    const hub: EmbeddedServer = {
      label: 'the hub',
      sequence,
      connected: true,
      addresses: bound.map(({ host, port }) => ({
        label: 'the hub',
        address: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host,
        port,
      })),
    };
    const engine = options.engine();
    if (engine === undefined) return [hub];
    const agents = engine.agents.all.flatMap((agent): readonly EmbeddedServer[] => {
      const listens = nameServersOf(agent, engine.world);
      if (listens.length === 0) return [];
      const label = `the agent of ${clusterOf(agent)}`;
      const addresses = listens
        .flatMap((text) => addressIn(text, label))
        // I32: an agent names addresses as anybody does. What cannot be asked has confirmed.
        .filter(({ address }) => permitted(address));
      return [{ label, sequence: agent.applied?.sequence ?? 0, connected: agent.connected, addresses }];
    });
    return [hub, ...agents];
  }
  /** Before the first one is published there are no zones, which says nothing. */
  let hasWorld = false;
  const presenter = createDns01Presenter({
    world: () => (hasWorld ? options.engine()?.world : undefined),
    desk: options.desk,
    texts: options.texts,
    aliasOf: createAliasLookup({
      resolvers: options.resolvers.map(({ host, port }) =>
        host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      ),
      monotonicMs: () => systemProviderClock.monotonicMs(),
    }),
    ask: createAsk(ASKED_AT_ONCE),
    guard,
    servers,
    clock: systemProviderClock,
  });
  return {
    ...presenter,
    worldChanged() {
      hasWorld = true;
      presenter.worldChanged();
    },
  };
}

/** `192.0.2.53:53`, `[2001:db8::53]:53`; every address of a machine is none that can be asked. */
function addressIn(text: string, label: string): readonly AuthoritativeServer[] {
  const match = /^\[?([0-9a-fA-F:.]+)\]?:(\d+)$/.exec(text);
  const address = match?.[1] ?? '';
  if (address === '' || address === '0.0.0.0' || address === '::') return [];
  return [{ label: `${label} (${text})`, address, port: Number(match?.[2]) }];
}

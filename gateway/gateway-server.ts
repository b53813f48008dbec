import { messageOf } from '../src/errors/error.ts';
import type { GatewayPart, GatewaySecrets } from '../src/policy/model.ts';
import { type GatewayCore, sweepIdle } from './core.ts';
import { PortServer } from './front/port-server.ts';
import type { BoundPort, GatewayServer, GatewayServerDeps } from './server.ts';
import { makeServing, type Serving } from './serving.ts';
import { Slots } from './slots.ts';
import type { TlsContexts } from './tls/contract.ts';
import { MAX_UNTAKEN_OCTETS } from './untaken.ts';

export interface GatewayServerOptions {
  /** Where a port of a Gateway is bound on this machine; port 0: the system chooses. */
  readonly bind: (port: number) => { readonly host: string; readonly port: number };
  /** Several threads share the ports. */
  readonly reusePort: boolean;
  /** Configured by the gateway with every `serve`. */
  readonly tls: TlsContexts;
}

/** The built-in gateway: HTTP/1.1, HTTP/2, gRPC, WebSocket and TLS passthrough in one thread. */
export function createGatewayServer(deps: GatewayServerDeps, options: GatewayServerOptions): GatewayServer {
  const core: GatewayCore = {
    deps,
    bodies: new Slots(),
    stalled: new Slots(),
    open: 0,
    untaken: 0,
    maxUntaken: deps.maxUntakenOctets ?? MAX_UNTAKEN_OCTETS,
  };
  const ports = new Map<number, PortServer>();
  const leaving = new Set<PortServer>();
  const stopSweep = sweepIdle(core);
  let last: Promise<unknown> = Promise.resolve();
  let ended = false;
  let served: Serving | undefined;

  const leave = (port: PortServer): void => {
    leaving.add(port);
    void port.drain().then(() => leaving.delete(port));
  };

  const apply = async (part: GatewayPart, secrets: GatewaySecrets): Promise<ReadonlyMap<string, string>> => {
    if (ended) return new Map();
    const problems = new Map<string, string>();
    const serving = makeServing(part, secrets, deps.upstreams, deps.quota?.policies(), served);
    served = serving;
    for (const [id, reason] of options.tls.configure(part, secrets).listeners) problems.set(id, reason);
    for (const [id, reason] of serving.problems) problems.set(id, reason);
    for (const [number, port] of ports) {
      const next = serving.ports.get(number);
      if (next?.port.protocol === port.state.served.port.protocol) port.configure(serving, next);
      else {
        ports.delete(number);
        leave(port);
      }
    }
    for (const [number, added] of serving.ports) {
      if (ports.has(number)) continue;
      const { host, port } = options.bind(number);
      const server = new PortServer(
        core,
        options.tls,
        { host, port, reusePort: options.reusePort },
        serving,
        added,
      );
      try {
        await server.listen();
        ports.set(number, server);
      } catch (thrown) {
        void server.drain();
        const reason = `port ${number} cannot be bound at ${host}:${port}: ${messageOf(thrown)}`;
        for (const { id } of added.port.listeners) problems.set(id, reason);
      }
    }
    return problems;
  };

  return {
    serve(part, secrets) {
      // One after the other: two at once could bind a port twice.
      const result = last.then(() => apply(part, secrets));
      last = result.catch(() => {});
      return result;
    },

    get bound(): readonly BoundPort[] {
      return [...ports].map(([port, server]) => ({ port, host: server.host, boundPort: server.boundPort }));
    },

    async close(graceMs) {
      ended = true;
      await last;
      const all = [...ports.values(), ...leaving];
      const drained = Promise.all(all.map((port) => port.drain()));
      const cut = deps.after(graceMs, () => {
        for (const port of all) port.destroy();
      });
      await drained;
      cut();
      stopSweep();
      ports.clear();
    },
  };
}

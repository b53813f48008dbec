import { createServer } from 'node:net';
import { messageOf } from '../src/errors/error.ts';
import type { GatewayPort } from '../src/policy/model.ts';
import type { BoundPort } from './server.ts';

export interface ChosenPorts {
  readonly ports: readonly BoundPort[];
  /** Ports of Gateways that cannot be bound here, and why. */
  readonly refused: ReadonlyMap<number, string>;
}

/** As the agent's configuration says. */
export interface PortSettings {
  readonly host: string;
  readonly ports: Readonly<Record<string, number>>;
}

/**
 * Finds out where the ports of a configuration can be bound, and by nobody else: with SO_REUSEPORT the system would silently share
 * one with another process of the same user, and that one would take half of the connections. A port 0 becomes a free port.
 * @param held what is bound by this process already, and stays as it is
 */
export async function choosePorts(
  part: { readonly ports: readonly Pick<GatewayPort, 'port'>[] },
  settings: PortSettings,
  held: readonly BoundPort[],
): Promise<ChosenPorts> {
  const ports: BoundPort[] = [];
  const refused = new Map<number, string>();
  for (const { port } of part.ports) {
    if (ports.some((chosen) => chosen.port === port) || refused.has(port)) continue;
    const before = held.find((bound) => bound.port === port);
    if (before !== undefined) {
      ports.push(before);
      continue;
    }
    const wanted = settings.ports[String(port)] ?? port;
    const taken = ports.find(({ boundPort }) => wanted !== 0 && boundPort === wanted);
    if (taken !== undefined) {
      refused.set(port, `the configuration of the agent binds port ${taken.port} to ${wanted}, too`);
      continue;
    }
    try {
      ports.push({ port, host: settings.host, boundPort: await tryPort(settings.host, wanted) });
    } catch (thrown) {
      refused.set(port, whyNot(settings.host, wanted, thrown));
    }
  }
  return { ports, refused };
}

/** Resolves to the port; nothing is bound any more then. */
function tryPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      probe.close(() => resolve(bound));
    });
  });
}

function whyNot(host: string, port: number, thrown: unknown): string {
  const at = `${host}:${port}`;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'EADDRINUSE') return `${at} is in use by another program`;
  if (code === 'EACCES') {
    return `${at} may only be bound by root; give the process CAP_NET_BIND_SERVICE, or another port in gateway.ports of its configuration`;
  }
  return `${at} cannot be bound: ${messageOf(thrown)}`;
}

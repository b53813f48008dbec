import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { refusingRule } from '../../src/policy/residency.ts';
import type { GatewayCore, PortState } from '../core.ts';
import { readClientHello } from './client-hello.ts';
import { readOpening } from './opening.ts';

/** TLS that is not terminated here: the server name chooses a backend, and octets pass as they are. */
export function passThrough(core: GatewayCore, port: PortState, socket: Socket, address: string): void {
  let serverName: string | undefined;
  const { headerTimeoutMs } = port.served.edge.edge.limits;
  readOpening(
    socket,
    headerTimeoutMs,
    core.deps.after,
    (octets) => {
      const hello = readClientHello(octets);
      if (hello.type === 'incomplete') return undefined;
      if (hello.type === 'invalid') {
        socket.destroy();
        return 0;
      }
      serverName = hello.serverName;
      return 0;
    },
    () => connect(core, port, socket, serverName, address),
  );
}

function connect(
  core: GatewayCore,
  port: PortState,
  socket: Socket,
  serverName: string | undefined,
  address: string,
): void {
  const { serving, served } = port;
  const backends = served.listeners.find(serverName)?.hosts.find(serverName)?.passthrough ?? [];
  const { residency } = served.edge;
  const refused =
    residency !== undefined &&
    refusingRule(residency, serverName ?? '', core.deps.country(address)) !== undefined;
  const choice = refused
    ? undefined
    : serving.upstreams.choose(backends, undefined, undefined, core.deps.random());
  if (choice?.target.backend === undefined) {
    socket.destroy();
    return;
  }
  serving.upstreams.connect(choice, (backend) => {
    if (backend === undefined || socket.destroyed) {
      socket.destroy();
      backend?.destroy();
      return;
    }
    pipeline(socket, backend, socket, () => {
      socket.destroy();
      backend.destroy();
    });
  });
}

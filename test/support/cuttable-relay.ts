import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttableRelay extends AsyncDisposable {
  readonly port: number;
  /** Where new connections go from now on. */
  leadTo(port: number): void;
  /** Nothing passes any more, either way, and nobody is told: as when a cable is cut. */
  cut(): void;
  /** What the end that dials says passes no more; what it is told does. */
  mute(): void;
  /** New connections pass again; those that were cut are gone. */
  heal(): void;
}

/** A TCP relay on loopback whose both ends can be parted. */
export async function startCuttableRelay(target: number): Promise<CuttableRelay> {
  const sockets = new Set<Socket>();
  const dialling = new Set<Socket>();
  let parted = false;
  let targetPort = target;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    dialling.add(near);
    near.on('close', () => dialling.delete(near));
    if (parted) {
      near.pause();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    keep(far);
    near.pipe(far);
    far.pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    leadTo(port) {
      targetPort = port;
    },
    cut() {
      parted = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    mute() {
      for (const near of dialling) {
        near.unpipe();
        near.pause();
      }
    },
    heal() {
      parted = false;
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay on loopback whose network can be broken the ways networks break. */
export interface TcpRelay extends AsyncDisposable {
  readonly address: string;
  /** Connections opened through it so far. */
  readonly opened: () => number;
  /** Connections open now. */
  readonly open: () => number;
  /** From now on nothing passes and nobody is told: packets vanish, new connections hang. */
  blackHole(): void;
  /** Data towards the one who dialled is no longer taken from the far end, as by a receiver that stopped reading. */
  stall(): void;
  /** Everything passes again. */
  heal(): void;
  /** Closes what is open; new connections are taken. */
  cut(): void;
}

export async function startRelay(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpRelay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let mode: 'pass' | 'hole' | 'stall' = 'pass';
  let opened = 0;
  const apply = ([near, far]: readonly [Socket, Socket]): void => {
    if (mode === 'hole') near.pause();
    else near.resume();
    if (mode === 'pass') far.resume();
    else far.pause();
  };
  const server = createServer((near) => {
    opened += 1;
    const far = connect(target);
    const pair = [near, far] as const;
    pairs.add(pair);
    near.on('data', (data) => void far.write(data));
    far.on('data', (data) => void near.write(data));
    for (const socket of pair) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        pairs.delete(pair);
        // A hole does not tell the other side.
        if (mode !== 'hole') for (const other of pair) other.destroy();
      });
    }
    apply(pair);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const all: Socket[] = [];
  server.on('connection', (socket) => all.push(socket));
  const set = (next: typeof mode): void => {
    mode = next;
    for (const pair of pairs) apply(pair);
  };
  const cut = (): void => {
    for (const pair of [...pairs]) for (const socket of pair) socket.destroy();
  };
  return {
    address: `127.0.0.1:${port}`,
    opened: () => opened,
    open: () => pairs.size,
    blackHole: () => set('hole'),
    stall: () => set('stall'),
    heal: () => set('pass'),
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      for (const socket of all) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What a connection asks for, seen from its first octets. */
export interface SeenRequest {
  /** As the provider's `turn` names it. */
  readonly action: string;
  readonly changes: boolean;
}

export interface FaultyRelay extends AsyncDisposable {
  readonly port: number;
  /** Where connections go from now on. */
  leadTo(port: number): void;
  /** Requests so far, by action. */
  readonly requests: () => ReadonlyMap<string, number>;
  /** Milliseconds that every answer comes late. */
  delay(delayMs: number): void;
  /** The next change reaches the server; the connection breaks when its answer comes. */
  loseNextAnswer(): void;
  /** Called when the next change is about to be sent on, which waits for it. */
  beforeNextChange(act: () => Promise<void>): void;
}

/** A TCP relay on loopback in front of a server that is asked one thing in each connection. */
export async function startFaultyRelay(
  target: number,
  see: (octets: Buffer) => SeenRequest | undefined,
  rewrite: (octets: Buffer) => Buffer = (octets) => octets,
): Promise<FaultyRelay> {
  let targetPort = target;
  let delayMs = 0;
  let lose = false;
  let before: (() => Promise<void>) | undefined;
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();

  const serve = async (near: Socket): Promise<void> => {
    const first = await new Promise<Buffer | undefined>((resolve) => {
      near.once('data', (octets: Buffer) => {
        near.pause();
        resolve(octets);
      });
      near.once('close', () => resolve(undefined));
    });
    if (first === undefined) return;
    const seen = see(first);
    if (seen !== undefined) counts.set(seen.action, (counts.get(seen.action) ?? 0) + 1);
    const loses = lose && seen?.changes === true;
    if (loses) lose = false;
    if (seen?.changes === true && before !== undefined) {
      const act = before;
      before = undefined;
      await act();
    }
    const far = connect(targetPort, '127.0.0.1');
    sockets.add(far);
    far.on('error', () => near.destroy());
    far.on('close', () => {
      sockets.delete(far);
      later(() => near.end());
    });
    near.on('close', () => far.destroy());
    far.write(rewrite(first));
    near.on('data', (octets: Buffer) => void far.write(octets));
    near.resume();
    far.on('data', (octets: Buffer) => {
      if (loses) near.destroy();
      else later(() => void near.write(octets));
    });
  };
  const later = (act: () => void): void => {
    if (delayMs === 0) {
      act();
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, delayMs);
    timers.add(timer);
  };
  const server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => near.destroy());
    near.on('close', () => sockets.delete(near));
    void serve(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (port) => {
      targetPort = port;
    },
    requests: () => new Map(counts),
    delay: (ms) => {
      delayMs = ms;
    },
    loseNextAnswer: () => {
      lose = true;
    },
    beforeNextChange: (act) => {
      before = act;
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

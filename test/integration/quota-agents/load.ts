import { Agent, request } from 'node:http';

/** One answered request: when it left, when its answer was here, by this machine's wall clock. */
export interface Hit {
  readonly port: number;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** 0: no answer. */
  readonly status: number;
  readonly fields: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Load {
  readonly hits: readonly Hit[];
  /** Resolves when the last answer is here. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Requests under way at once at each port. */
  readonly concurrency: number;
}

/** As many requests as are answered, at all of these ports together, until it is stopped. */
export function startLoad(ports: readonly number[], options: LoadOptions): Load {
  const hits: Hit[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: options.concurrency });
  let stopped = false;
  const drive = async (port: number): Promise<void> => {
    while (!stopped) hits.push(await hit(port, options, agent));
  };
  const drivers = ports.flatMap((port) => Array.from({ length: options.concurrency }, () => drive(port)));
  return {
    hits,
    async stop() {
      stopped = true;
      await Promise.all(drivers);
      agent.destroy();
    },
  };
}

export function hit(
  port: number,
  { host, path, headers }: Pick<LoadOptions, 'host' | 'path' | 'headers'>,
  agent?: Agent,
): Promise<Hit> {
  const sentMs = Date.now();
  return new Promise((resolve) => {
    const done = (status: number, fields: Hit['fields']): void =>
      resolve({ port, sentMs, answeredMs: Date.now(), status, fields });
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        headers: { ...headers, host },
        ...(agent === undefined ? {} : { agent }),
      },
      (answer) => {
        answer.resume();
        answer.once('end', () => done(answer.statusCode ?? 0, answer.headers));
        answer.once('error', () => done(0, {}));
      },
    );
    sent.setTimeout(10_000, () => sent.destroy());
    sent.once('error', () => done(0, {}));
    sent.end();
  });
}

/** Admitted in each window, as far as it is certain: a request that was under way at an edge may belong to either. */
export function certainlyAdmitted(hits: readonly Hit[], windowMs: number): ReadonlyMap<number, number> {
  const windows = new Map<number, number>();
  for (const { status, sentMs, answeredMs } of hits) {
    const window = Math.floor(sentMs / windowMs);
    if (status !== 200 || window !== Math.floor(answeredMs / windowMs)) continue;
    windows.set(window, (windows.get(window) ?? 0) + 1);
  }
  return windows;
}

/** Admitted in each window at most: with those that were under way at its edges. */
export function possiblyAdmitted(hits: readonly Hit[], windowMs: number, window: number): number {
  return hits.filter(
    ({ status, sentMs, answeredMs }) =>
      status === 200 && answeredMs >= window * windowMs && sentMs < (window + 1) * windowMs,
  ).length;
}

import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { PortolanError } from '../../src/errors/error.ts';
import type { GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
import { type AskedLimits, type LimitVerdict, UNKNOWN_LIMIT } from '../external/asked-limits.ts';
import type { UsageCount } from '../usage/usage-counts.ts';
import {
  type FromPlugin,
  frame,
  frameReader,
  fromPlugin,
  PLUGIN_PROTOCOL,
  type ToPlugin,
  toWireKey,
} from './frames.ts';

export interface AgentSocketDeps {
  readonly path: string;
  /** Every key there is now. */
  readonly keys: () => Iterable<KeyEntry>;
  readonly usage: (counts: readonly UsageCount[]) => void;
  /** What limits say of requests to the services; absent: it cannot be known here. */
  readonly limits?: AskedLimits;
  readonly log: { warn(details: object, message: string): void };
}

/** The agent's end: services on this machine get its configuration and keys, and give it their usage. */
export interface AgentSocket {
  /** @param part asked for when there is somebody to tell it */
  configured(part: () => GatewayPart, secrets: GatewaySecrets): void;
  /** One key was added, changed, revoked or removed. */
  keyChanged(entry: KeyEntry): void;
  /** The hub said so long ago that nothing is missing, and all of it was said here. */
  heard(agoMs: number): void;
  readonly connections: number;
  close(): Promise<void>;
}

/** Keys in one frame: some 200 kB. */
const KEYS_PER_FRAME = 1_000;
/** A service that does not read loses its connection rather than fill the memory; it comes back and begins anew. */
const MAX_WAITING_OCTETS = 64 * 1024 * 1024;

/** @throws PortolanError PORT_IN_USE */
export async function openAgentSocket(deps: AgentSocketDeps): Promise<AgentSocket> {
  const { path, log } = deps;
  const peers = new Set<Socket>();
  let configuration: (() => ToPlugin) | undefined;
  let lastHeard: { readonly agoMs: number; readonly atMs: number } | undefined;

  const send = (socket: Socket, message: Buffer): void => {
    if (socket.destroyed) return;
    if (socket.writableLength > MAX_WAITING_OCTETS) {
      log.warn({ path }, 'a service does not take what the agent tells it; it is cut off');
      socket.destroy();
      return;
    }
    socket.write(message);
  };
  const toAll = (message: ToPlugin): void => {
    if (peers.size === 0) return;
    const framed = frame(message);
    for (const socket of peers) send(socket, framed);
  };
  const heardNow = (): ToPlugin => ({
    type: 'heard',
    agoMs: lastHeard === undefined ? -1 : lastHeard.agoMs + (performance.now() - lastHeard.atMs),
  });

  /** Changes made meanwhile come in between, as they always do; a later word on a key holds. */
  const tellKeys = async (socket: Socket): Promise<void> => {
    send(socket, frame({ type: 'keysBegin' }));
    let entries: KeyEntry[] = [];
    const flush = async (): Promise<void> => {
      send(socket, frame({ type: 'keys', entries: entries.map(toWireKey) }));
      entries = [];
      // The service reads at its own pace, and the agent has other work.
      if (socket.writableLength > MAX_WAITING_OCTETS / 4)
        await new Promise<void>((resolve) => {
          socket.once('drain', resolve);
          socket.once('close', resolve);
        });
      else await new Promise((resolve) => setImmediate(resolve));
    };
    for (const entry of deps.keys()) {
      entries.push(entry);
      if (entries.length === KEYS_PER_FRAME) await flush();
      if (socket.destroyed) return;
    }
    await flush();
    send(socket, frame({ type: 'keysEnd' }));
    send(socket, frame(heardNow()));
  };

  /** Those that are known at once go back together; each of the others when it is. */
  const judge = (socket: Socket, asks: Extract<FromPlugin, { readonly type: 'limits' }>['asks']): void => {
    const known: (LimitVerdict & { readonly ticket: number })[] = [];
    for (const ask of asks) {
      const { ticket } = ask;
      const verdict = deps.limits?.(ask) ?? UNKNOWN_LIMIT;
      if (verdict instanceof Promise)
        void verdict.then((late) =>
          send(socket, frame({ type: 'limited', verdicts: [{ ...late, ticket }] })),
        );
      else known.push({ ...verdict, ticket });
    }
    if (known.length > 0) send(socket, frame({ type: 'limited', verdicts: known }));
  };

  const server = createServer((socket) => {
    peers.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => peers.delete(socket));
    const read = frameReader((message) => {
      const parsed = fromPlugin.safeParse(message);
      if (!parsed.success) return;
      if (parsed.data.type === 'usage') deps.usage(parsed.data.counts);
      else judge(socket, parsed.data.asks);
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (err) {
        log.warn({ err, path }, 'a service says what cannot be read; it is cut off');
        socket.destroy();
      }
    });
    send(socket, frame({ type: 'welcome', protocol: PLUGIN_PROTOCOL }));
    if (configuration !== undefined) send(socket, frame(configuration()));
    void tellKeys(socket);
  });
  // What an agent left that was killed; a running one has the lock of the data folder.
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new PortolanError('PORT_IN_USE', `${path} cannot be listened on`, { cause })),
    );
    server.listen(path, resolve);
  });
  // Who may open it knows the policies and their secrets: the agent's own user and group.
  await chmod(path, 0o660);

  return {
    configured(part, secrets) {
      // Private keys of listeners are of no use to a service.
      configuration = () => ({
        type: 'configuration',
        part: part(),
        secrets: { ...secrets, certificates: {} },
      });
      if (peers.size > 0) toAll(configuration());
    },
    keyChanged: (entry) => toAll({ type: 'keys', entries: [toWireKey(entry)] }),
    heard(agoMs) {
      lastHeard = { agoMs, atMs: performance.now() };
      toAll(heardNow());
    },
    get connections() {
      return peers.size;
    },
    async close() {
      for (const socket of peers) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

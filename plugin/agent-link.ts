import { connect, type Socket } from 'node:net';
import { type LimitedRequest, type LimitVerdict, UNKNOWN_LIMIT } from '../gateway/external/asked-limits.ts';
import type { SharedKeys } from '../gateway/keys/layout.ts';
import { createSharedKeyTable, type SharedKeyTable } from '../gateway/keys/writer.ts';
import {
  frame,
  frameReader,
  fromWireKey,
  PLUGIN_PROTOCOL,
  type ToPlugin,
} from '../gateway/plugins/frames.ts';
import type { UsageCount } from '../gateway/usage/usage-counts.ts';
import { UsageCounts } from '../gateway/usage/usage-counts.ts';
import type { GatewayPart, GatewaySecrets } from '../src/policy/model.ts';

export interface AgentLinkOptions {
  /** Of the agent's socket. */
  readonly path: string;
  readonly configured: (part: GatewayPart, secrets: GatewaySecrets) => void;
  /** The configuration and every key are here. */
  readonly complete: () => void;
  readonly log: { warn(details: object, message: string): void };
}

/** The service's end of the agent's socket; comes back by itself, and keeps what it knows meanwhile. */
export interface AgentLink {
  readonly keys: SharedKeys;
  /** Given to the agent, or kept until it is back. */
  give(counts: readonly UsageCount[]): void;
  readonly connected: boolean;
  /** What limits say of a request: of all of one turn in one message. Unknown while the agent does not answer. */
  limits(asked: LimitedRequest): Promise<LimitVerdict>;
  close(): Promise<void>;
}

const RETRY_MS = 250;
/** Beyond what a limit may make a request wait for (`wait`, at most 5 s). */
const LIMITS_MS = 6_000;
/** Accounts kept for an agent that is away. */
const MAX_KEPT = 100_000;
const CLOSE_MS = 1_000;

export function createAgentLink({ path, configured, complete, log }: AgentLinkOptions): AgentLink {
  const table: SharedKeyTable = createSharedKeyTable();
  const kept = new UsageCounts();
  let socket: Socket | undefined;
  let ready = false;
  let told = false;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let known: { configuration: boolean; keys: boolean } = { configuration: false, keys: false };
  /** Digests of the keys that were named since `keysBegin`. */
  let named: Set<string> | undefined;
  let ticket = 0;
  let asks: (LimitedRequest & { readonly ticket: number })[] = [];
  const asked = new Map<number, { readonly sinceMs: number; tell(verdict: LimitVerdict): void }>();
  let sweep: NodeJS.Timeout | undefined;

  const sendAsks = (): void => {
    const all = asks;
    asks = [];
    if (ready && socket !== undefined) socket.write(frame({ type: 'limits', asks: all }));
    else for (const one of all) tellOf(one.ticket, UNKNOWN_LIMIT);
  };
  const tellOf = (of: number, verdict: LimitVerdict): void => {
    const waiting = asked.get(of);
    asked.delete(of);
    waiting?.tell(verdict);
    if (asked.size === 0 && sweep !== undefined) {
      clearInterval(sweep);
      sweep = undefined;
    }
  };
  /** In the order in which they were asked. */
  const dropLate = (sinceMs: number): void => {
    for (const [of, waiting] of asked) {
      if (waiting.sinceMs > sinceMs) return;
      tellOf(of, UNKNOWN_LIMIT);
    }
  };

  const hear = (message: ToPlugin): void => {
    switch (message.type) {
      case 'welcome':
        if (message.protocol !== PLUGIN_PROTOCOL) {
          log.warn({ protocol: message.protocol }, 'the agent is of another release; install the same one');
          socket?.destroy();
          return;
        }
        ready = true;
        told = false;
        if (kept.size > 0) socket?.write(frame({ type: 'usage', counts: kept.take() }));
        return;
      case 'configuration':
        configured(message.part, message.secrets);
        known = { ...known, configuration: true };
        break;
      case 'keysBegin':
        named = new Set();
        return;
      case 'keys':
        for (const entry of message.entries) {
          named?.add(entry.digest);
          table.apply(fromWireKey(entry));
        }
        return;
      case 'keysEnd':
        if (named !== undefined) {
          const gone = [...table.entries()].filter(
            ({ digest }) => named?.has(Buffer.from(digest).toString('base64')) !== true,
          );
          for (const entry of gone) table.apply({ ...entry, removed: true });
        }
        named = undefined;
        known = { ...known, keys: true };
        break;
      case 'heard':
        if (message.agoMs >= 0) table.heard(message.agoMs);
        return;
      case 'limited':
        for (const verdict of message.verdicts) tellOf(verdict.ticket, verdict);
        return;
    }
    if (known.configuration && known.keys) complete();
  };

  const dial = (): void => {
    const dialled = connect(path);
    socket = dialled;
    let failure: unknown;
    // The agent is of this machine and of the same release: `welcome` says so before anything else is believed.
    const read = frameReader((message) => hear(message as ToPlugin));
    dialled.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        failure = error;
        dialled.destroy();
      }
    });
    dialled.on('error', (error) => {
      failure = error;
    });
    dialled.on('close', () => {
      if (socket === dialled) socket = undefined;
      ready = false;
      named = undefined;
      dropLate(Number.POSITIVE_INFINITY);
      if (closed) return;
      if (!told)
        log.warn(
          { err: failure, path },
          'the agent does not answer; what it last said, if anything, holds until it does',
        );
      told = true;
      retry = setTimeout(dial, RETRY_MS);
    });
  };
  dial();

  return {
    keys: table.shared,
    get connected() {
      return ready;
    },
    give(counts) {
      if (ready && socket !== undefined) socket.write(frame({ type: 'usage', counts }));
      else if (kept.size < MAX_KEPT) kept.add(counts);
    },
    limits: (request) =>
      new Promise((resolve) => {
        ticket += 1;
        if (asks.length === 0) setImmediate(sendAsks);
        asks.push({ ...request, ticket });
        asked.set(ticket, { sinceMs: performance.now(), tell: resolve });
        sweep ??= setInterval(() => dropLate(performance.now() - LIMITS_MS), 1_000).unref();
      }),
    async close() {
      closed = true;
      clearTimeout(retry);
      const open = socket;
      if (open === undefined || open.connecting) {
        open?.destroy();
        return;
      }
      // What was counted last must still get there.
      const gone = new Promise<void>((resolve) => open.once('close', () => resolve()));
      const force = setTimeout(() => open.destroy(), CLOSE_MS);
      open.end();
      open.resume();
      await gone;
      clearTimeout(force);
    },
  };
}

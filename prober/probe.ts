import { connect, type Socket } from 'node:net';
import { deferred } from '../src/async/deferred.ts';
import type { ProbeResult } from '../src/health/vote.ts';
import type { CheckSpec } from '../src/resources/health-check.ts';

/** Opens a TCP connection to an IP address (never a name: it was resolved and judged before). */
export type Connector = (address: string, port: number) => Socket;

/** Runs `fn` once after `delayMs` milliseconds; the returned function cancels it. */
export type SetTimer = (fn: () => void, delayMs: number) => () => void;

/** Everything a probe takes from outside. */
export interface ProbeIo {
  readonly connect: Connector;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly setTimer: SetTimer;
  /** Milliseconds since the epoch, to say how long ago a certificate expired. */
  readonly wallClock: () => number;
}

/** One probe, ready to run: the address is pinned, the CA bundle read. */
export interface ProbeRequest<Check extends CheckSpec = CheckSpec> {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  readonly check: Check;
  /** Host header and SNI when the check names none; no trailing dot, no wildcard. */
  readonly defaultHost: string;
  /** PEM bundle to trust instead of the system's roots. */
  readonly ca?: string;
}

/**
 * What a probe came to. `stalled` is not a result: this process did not get the processor in time, so whether the answer
 * was late cannot be said; the probe is forgotten.
 */
export type ProbeOutcome = ProbeResult | { readonly kind: 'stalled' };

export type ProtocolCheck<Protocol extends CheckSpec['protocol']> = Extract<
  CheckSpec,
  { protocol: Protocol }
>;

/** The endpoint failed the probe. The message is for people, short and precise. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure';
}

/** This vantage point could not probe; the endpoint is not to blame. */
export class ProbeUnable extends Error {
  override readonly name = 'ProbeUnable';
}

/** A running probe, as the protocols see it. */
export interface ProbeRun {
  readonly io: ProbeIo;
  /**
   * Says what is being waited for; a timeout quotes it: "timeout after 700 ms (no TCP answer)".
   * @param side whose fault a timeout would be; the endpoint's unless said otherwise.
   */
  waitingFor(phase: string, side?: 'endpoint' | 'here'): void;
  /** Something to destroy when the probe ends, however it ends. */
  own(resource: { destroy(): void }): void;
  /** Rejects when time is up or the probe is aborted; race it with every wait. */
  readonly over: Promise<never>;
}

/** A timer that fires this much late means the process was not running: its timeouts prove nothing. */
const STALL_MS = 250;

/**
 * Runs one probe under one deadline that covers all of it (connect, TLS, headers, body), and destroys everything the
 * probe opened before it returns. Never throws.
 */
export async function runProbe(
  io: ProbeIo,
  timeoutMs: number,
  signal: AbortSignal,
  body: (run: ProbeRun) => Promise<void>,
): Promise<ProbeOutcome> {
  const startedAtMs = io.clock();
  const owned: { destroy(): void }[] = [];
  let waiting = { phase: 'nothing was sent', side: 'here' };
  const { promise: over, reject } = deferred<never>();
  over.catch(() => undefined);
  const cancel = io.setTimer(() => {
    if (io.clock() - startedAtMs > timeoutMs + STALL_MS) reject(new Stalled());
    else {
      const detail = `timeout after ${timeoutMs} ms (${waiting.phase})`;
      reject(waiting.side === 'here' ? new ProbeUnable(detail) : new ProbeFailure(detail));
    }
  }, timeoutMs);
  const onAbort = () => reject(new ProbeUnable('the probe was cancelled'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([
      over,
      body({
        io,
        over,
        waitingFor: (phase, side = 'endpoint') => {
          waiting = { phase, side };
        },
        own: (resource) => owned.push(resource),
      }),
    ]);
    return { kind: 'ok', latencyMs: io.clock() - startedAtMs };
  } catch (thrown) {
    if (thrown instanceof Stalled) return { kind: 'stalled' };
    if (thrown instanceof ProbeFailure) {
      return { kind: 'failed', detail: thrown.message, latencyMs: io.clock() - startedAtMs };
    }
    // Anything else is a fault on this side: it must not count against the endpoint.
    return { kind: 'unable', detail: thrown instanceof Error ? thrown.message : String(thrown) };
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
    // Last in, first out: destroying a TCP socket under a live TLS socket crashes Node.js 24 (a segmentation fault).
    for (const resource of owned.toReversed()) resource.destroy();
  }
}

export const systemConnector: Connector = (address, port) =>
  connect({ host: address, port, autoSelectFamily: false, noDelay: true });

export const systemTimer: SetTimer = (fn, delayMs) => {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
};

export const systemProbeIo: ProbeIo = {
  connect: systemConnector,
  clock: () => performance.now(),
  setTimer: systemTimer,
  wallClock: () => Date.now(),
};

class Stalled extends Error {}

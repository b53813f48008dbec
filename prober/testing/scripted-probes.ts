import type { Target, Vote } from '../../src/health/types.ts';
import type { ProbeOutcome } from '../probe.ts';
import type { TargetProbe } from '../probe-target.ts';
import { createProber, type Prober, type ProberOptions } from '../scheduler.ts';
import { FakeTime } from './fake-time.ts';
import { targetOf } from './probing.ts';

/** How an endpoint behaves; `slow` answers after that many milliseconds, if its check waits that long. */
export type Behaviour = 'up' | 'refused' | 'black hole' | 'stalled' | 'unable' | { readonly slow: number };

export interface SeenProbe {
  readonly targetId: string;
  readonly atMs: number;
  readonly inside: boolean;
  readonly ca: string | undefined;
}

/** A prober over a hand-moved clock whose endpoints behave as told. */
export class ScriptedProbes {
  readonly time = new FakeTime();
  readonly seen: SeenProbe[] = [];
  readonly batches: { readonly atMs: number; readonly votes: readonly Vote[] }[] = [];
  readonly prober: Prober;
  most = 0;
  default: Behaviour = 'up';
  readonly behaviours = new Map<string, Behaviour>();
  #running = 0;

  constructor(options: Partial<ProberOptions> = {}) {
    this.prober = createProber({
      vantage: 'hub/h',
      failureDomain: 'hub',
      clock: this.time.clock,
      setTimer: this.time.setTimer,
      random: () => 0,
      resolve: () => Promise.resolve([]),
      allowedRanges: [],
      onVotes: (votes) => this.batches.push({ atMs: this.time.clock(), votes }),
      probe: (probe, signal) => this.#probe(probe, signal),
      ...options,
    });
  }

  verdicts(): readonly string[] {
    return this.prober.votes().map(({ verdict }) => verdict);
  }

  /** Moves on until `done`, at most `limitMs`; returns how long it took. */
  async until(done: () => boolean, limitMs: number): Promise<number> {
    const fromMs = this.time.clock();
    while (!done()) {
      if (this.time.clock() - fromMs > limitMs) throw new Error(`not within ${limitMs} ms`);
      await this.time.advance(1);
    }
    return this.time.clock() - fromMs;
  }

  async #probe({ target, inside, ca }: TargetProbe, signal: AbortSignal): Promise<ProbeOutcome> {
    this.seen.push({ targetId: target.id, atMs: this.time.clock(), inside, ca });
    this.#running += 1;
    this.most = Math.max(this.most, this.#running);
    const behaviour = this.behaviours.get(target.id) ?? this.default;
    const outcome = outcomeOf(behaviour, target.check.timeoutMs);
    await new Promise<void>((resolve) => {
      this.time.setTimer(resolve, outcome.kind === 'ok' || outcome.kind === 'failed' ? outcome.latencyMs : 1);
      signal.addEventListener('abort', () => resolve());
    });
    this.#running -= 1;
    return outcome;
  }
}

export function targets(count: number, check: Readonly<Record<string, unknown>> = {}): Target[] {
  return Array.from({ length: count }, (_, index) =>
    targetOf({ protocol: 'http', intervalSeconds: 1, timeoutMs: 700, ...check }, 80, {
      id: `t${index}`,
      cluster: `default/c${index % 4}`,
      failureDomain: `c${index % 4}`,
    }),
  );
}

function outcomeOf(behaviour: Behaviour, timeoutMs: number): ProbeOutcome {
  const blackHole: ProbeOutcome = {
    kind: 'failed',
    detail: `timeout after ${timeoutMs} ms (no TCP answer)`,
    latencyMs: timeoutMs,
  };
  switch (behaviour) {
    case 'up':
      return { kind: 'ok', latencyMs: 5 };
    case 'refused':
      return { kind: 'failed', detail: 'connection refused', latencyMs: 1 };
    case 'black hole':
      return blackHole;
    case 'stalled':
      return { kind: 'stalled' };
    case 'unable':
      return { kind: 'unable', detail: 'no file descriptors left' };
    default:
      return behaviour.slow < timeoutMs ? { kind: 'ok', latencyMs: behaviour.slow } : blackHole;
  }
}

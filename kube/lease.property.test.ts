import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PortolanError } from '../src/errors/error.ts';
import type { KubeClient, KubeObject, LeaseElection } from './contract.ts';
import { createLeaseElection } from './lease.ts';

interface Due {
  readonly atMs: number;
  readonly task: () => void;
}

const transitions = z.object({ spec: z.object({ leaseTransitions: z.number() }) });

/** True time, which no elector sees: each has a clock of its own that runs faster or slower. */
class World {
  ms = 0;
  readonly #due: Due[] = [];

  in(delayMs: number, task: () => void): () => void {
    const entry = { atMs: this.ms + delayMs, task };
    this.#due.push(entry);
    return () => {
      if (this.#due.includes(entry)) this.#due.splice(this.#due.indexOf(entry), 1);
    };
  }

  async run(untilMs: number, look: () => void): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      look();
      let next = this.#due[0];
      for (const due of this.#due) if (next === undefined || due.atMs < next.atMs) next = due;
      if (next === undefined || next.atMs > untilMs) break;
      this.#due.splice(this.#due.indexOf(next), 1);
      // Just before anything happens what was true until now must hold as well.
      this.ms = Math.max(this.ms, next.atMs);
      look();
      next.task();
    }
    this.ms = untilMs;
  }
}

interface Network {
  readonly random: () => number;
  /** Share of requests that are lost, on their way or on the way back. */
  loss: number;
  maxDelayMs: number;
}

/** One Lease, as an API server keeps it, behind a network that delays and loses. */
function server(world: World, network: Network) {
  let stored: KubeObject | undefined;
  let version = 0;
  const over = <T>(apply: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      const lost = network.random() < network.loss;
      const lostBefore = network.random() < 0.5;
      const away = () => reject(new PortolanError('KUBERNETES_UNAVAILABLE', 'no answer'));
      world.in(network.random() * network.maxDelayMs, () => {
        if (lost && lostBefore) {
          world.in(4_000, away);
          return;
        }
        let answer: () => void;
        try {
          const value = apply();
          answer = () => resolve(value);
        } catch (error) {
          answer = () => reject(error);
        }
        if (lost) world.in(4_000, away);
        else world.in(network.random() * network.maxDelayMs, answer);
      });
    });
  const store = (object: KubeObject): KubeObject => {
    version += 1;
    stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    return stored;
  };
  const conflict = () => new PortolanError('KUBERNETES_CONFLICT', 'it changed');
  const client: Pick<KubeClient, 'get' | 'create' | 'replace'> = {
    get: () => over(() => stored),
    create: (object) =>
      over(() => {
        if (stored !== undefined) throw conflict();
        return store(object);
      }),
    replace: (object) =>
      over(() => {
        if (object.metadata.resourceVersion !== stored?.metadata.resourceVersion) throw conflict();
        return store(object);
      }),
  };
  return { client, lease: () => stored };
}

function elector(
  world: World,
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>,
  identity: string,
  rate: number,
) {
  let stopped = false;
  const election: LeaseElection = createLeaseElection({
    // The rest of a client is not asked for by an election.
    client: client as KubeClient,
    namespace: 'portolan',
    name: 'hub',
    identity,
    onChange: () => undefined,
    monotonicMs: () => world.ms * rate + 1e6 * rate,
    now: () => new Date(0),
    // A process that is stopped does nothing when its timers are due, but its clock goes on.
    after: (delayMs, task) => {
      const run = (): void => {
        if (stopped) world.in(500, run);
        else task();
      };
      return world.in(delayMs / rate, run);
    },
    random: () => 0.5,
  });
  return {
    election,
    stop: () => {
      stopped = true;
    },
    go: () => {
      stopped = false;
    },
  };
}

function seeded(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

describe('electors of one Lease', () => {
  it('never lead at once, whatever is delayed, lost or stopped, and one of them leads when all is well', async () => {
    let elections = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(fc.double({ min: 0.85, max: 1.15, noNaN: true }), { minLength: 2, maxLength: 3 }),
        fc.array(
          fc.record({
            who: fc.nat(2),
            forMs: fc.integer({ min: 500, max: 30_000 }),
            loss: fc.constantFrom(0, 0.2, 0.8),
          }),
          { minLength: 1, maxLength: 6 },
        ),
        async (seed, rates, trouble) => {
          const world = new World();
          const network: Network = { random: seeded(seed), loss: 0, maxDelayMs: 100 };
          const { client, lease } = server(world, network);
          const electors = rates.map((rate, n) => elector(world, client, `hub-${n}`, rate));
          const leaders = () => electors.filter(({ election }) => election.leads).length;
          const look = () => {
            if (leaders() > 1) throw new Error(`${leaders()} lead at ${world.ms} ms`);
          };
          for (const { election } of electors) election.start();
          await world.run(10_000, look);
          expect(leaders()).toBe(1);
          for (const { who, forMs, loss } of trouble) {
            const troubled = electors[who % electors.length];
            network.loss = loss;
            network.maxDelayMs = 3_000;
            troubled?.stop();
            await world.run(world.ms + forMs, look);
            troubled?.go();
          }
          network.loss = 0;
          network.maxDelayMs = 100;
          await world.run(world.ms + 60_000, look);
          expect(leaders()).toBe(1);
          elections += transitions.parse(lease()).spec.leaseTransitions;
        },
      ),
      { numRuns: 300, seed: 20_261_122 },
    );
    // What is looked for has to happen: the Lease went from one to another.
    expect(elections).toBeGreaterThan(100);
  });
});

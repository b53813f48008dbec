import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { Provider } from '../../providers/contract.ts';
import { parseName } from '../../src/dns/name.ts';
import { FAILING_OVER } from './provider/failing-over.ts';
import { FAULTS } from './provider/faults.ts';
import { LIMITS } from './provider/limits.ts';
import { PLAIN } from './provider/plain.ts';
import { READING } from './provider/reading.ts';
import { ROUTING } from './provider/routing.ts';
import { SAFETY } from './provider/safety.ts';
import type { ProviderTest, World } from './provider/world.ts';
import { WRITING } from './provider/writing.ts';
import { BEHAVIOURS, type BehaviourId } from './provider-behaviours.ts';
import type { ProviderHarness, Running } from './provider-harness.ts';
import { HARNESSES } from './providers/index.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Row and column of the conformance matrix (scripts/conformance.ts). */
    behaviour?: string;
    provider?: string;
    /** Why the provider cannot show it. */
    hole?: string;
    /** Why the server is not there, and how to get it. */
    missing?: string;
  }
}

const TESTS: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  ...READING,
  ...WRITING,
  ...SAFETY,
  ...FAULTS,
  ...LIMITS,
  ...ROUTING,
  ...PLAIN,
  ...FAILING_OVER,
};

const ROWS = Object.keys(BEHAVIOURS).filter((id): id is BehaviourId => id in BEHAVIOURS);

it('has a test for each row of the matrix', () => {
  expect(Object.keys(TESTS).sort()).toEqual([...ROWS].sort());
  expect(new Set(HARNESSES.map(({ name }) => name)).size).toBe(HARNESSES.length);
});

for (const harness of HARNESSES) {
  const server = await harness.server();
  describe.skipIf(!server.available)(
    `DNS provider ${harness.name} shows, or explains why it cannot, that it`,
    () => {
      let running: Running | undefined;
      let provider: Provider | undefined;
      beforeAll(async () => {
        running = await harness.start();
        provider = await running.open();
      });
      afterAll(async () => {
        await provider?.close();
        await running?.close();
      });

      for (const [index, id] of ROWS.entries()) {
        const meta = {
          behaviour: id,
          provider: harness.name,
          ...(server.available ? {} : { missing: `${server.reason}; ${server.command}` }),
        };
        it(`${BEHAVIOURS[id]} [${id}]`, { meta }, async (context) => {
          if (running === undefined || provider === undefined) throw new Error('the server did not start');
          await show(id, { index, harness, running, provider, context });
        });
      }
    },
  );
}

/** Ends a test whose behaviour the provider cannot have; the reason is in the matrix. */
class Explained extends Error {}

interface Shown {
  readonly index: number;
  readonly harness: ProviderHarness;
  readonly running: Running;
  readonly provider: Provider;
  readonly context: TestContext;
}

/** Runs the test of one behaviour; what it opened is closed after it. */
async function show(id: BehaviourId, { index, harness, running, provider, context }: Shown): Promise<void> {
  const closing: (() => Promise<void>)[] = [];
  const world: World = {
    harness,
    running,
    provider,
    name: (prefix) =>
      parseName(`${prefix === undefined ? '' : `${prefix}.`}w${index}.${running.zone.origin}`),
    async fresh() {
      const another = await harness.start();
      closing.unshift(() => another.close());
      return another;
    },
    async open(overrides = {}, of = running) {
      const another = await of.open(overrides);
      closing.unshift(() => another.close());
      return another;
    },
    hole(reason) {
      // A reason is a sentence; anything less would be a silent hole.
      expect(reason.length, `the reason why ${harness.name} has no ${id}`).toBeGreaterThan(10);
      context.task.meta.hole = reason;
      throw new Explained(reason);
    },
  };
  try {
    const reason = harness.holes[id];
    if (reason !== undefined) world.hole(reason);
    await TESTS[id]?.(world);
  } catch (error) {
    if (!(error instanceof Explained)) throw error;
  } finally {
    for (const close of closing) await close();
  }
}

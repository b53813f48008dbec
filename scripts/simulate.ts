/**
 * `npm run simulate`: every simulation, as `npm test` plays them.
 * `npm run simulate -- --seeds 1000000 [--from N]`: the global quota alone, over so many seeds on all cores; one line at the end says what
 * came of it, and a violation makes it fail. `--from N --seeds 1` plays one seed again exactly; `--trace` shows what passed in it.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { runStep } from './steps.ts';

/** Seeds that a process plays before it tells. */
const BATCH = 500;
/** Violations that are printed; all are counted. */
const MOST_PRINTED = 20;
const whole = z.coerce.number().int().min(0);
const told = z.object({
  played: z.number(),
  harms: z.array(z.object({ seed: z.number(), harm: z.string() })),
});

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

if (values.seeds === undefined && values.from === undefined) {
  const { ok } = await runStep(
    { name: 'simulations', command: ['vitest', 'run', '--project', 'simulation'] },
    true,
  );
  process.exitCode = ok ? 0 : 1;
} else {
  const seeds = number('--seeds', values.seeds ?? '1', 1);
  const from = number('--from', values.from ?? '1', 0);
  process.exitCode = await simulate(from, seeds, values.trace);
}

function number(option: string, given: string, least: number): number {
  const parsed = whole.min(least).safeParse(given);
  if (parsed.success) return parsed.data;
  process.stderr.write(
    `error: ${option} ${given} is no whole number from ${least} up\n  fix: npm run simulate -- --seeds 10000 --from 1\n`,
  );
  process.exit(2);
}

async function simulate(from: number, seeds: number, trace: boolean): Promise<number> {
  const started = performance.now();
  const players = Math.min(availableParallelism(), Math.ceil(seeds / BATCH));
  const end = from + seeds;
  const program = fileURLToPath(new URL('../test/simulation/quota-player.ts', import.meta.url));
  let next = from;
  let played = 0;
  let broken = 0;
  let violations = 0;
  let reportedMs = started;
  await Promise.all(
    Array.from(
      { length: players },
      () =>
        new Promise<void>((resolve) => {
          const player = fork(program, trace && seeds === 1 ? ['--trace'] : []);
          const give = () => {
            const count = Math.min(BATCH, end - next);
            if (count <= 0) {
              player.disconnect();
              return;
            }
            player.send({ from: next, count });
            next += count;
          };
          player.on('message', (message) => {
            const { played: more, harms } = told.parse(message);
            played += more;
            for (const { seed, harm } of harms) {
              violations += 1;
              if (violations <= MOST_PRINTED) process.stdout.write(`seed ${seed}: ${harm}\n`);
            }
            if (performance.now() - reportedMs > 30_000) {
              reportedMs = performance.now();
              process.stderr.write(`${played} of ${seeds} seeds, ${violations} violations\n`);
            }
            give();
          });
          player.on('exit', (code) => {
            if (code !== 0) broken += 1;
            resolve();
          });
          give();
        }),
    ),
  );
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  process.stdout.write(
    `quota: ${played} of ${seeds} seeds from ${from} played in ${seconds} s, ${violations} violations\n`,
  );
  return violations === 0 && broken === 0 && played === seeds ? 0 : 1;
}

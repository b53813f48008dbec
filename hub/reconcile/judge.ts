import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { DEFAULT_BUDGET, type Removal } from '../../src/plan/budget.ts';
import type { ChangeContext, ProposedChange } from '../api/services.ts';
import { providerSecretViolations } from '../providers/admission.ts';
import type { Store } from '../store/contract.ts';
import { type AdmissionOutcome, admit } from './admission.ts';
import type { Moment } from './capacity.ts';
import type { Engine } from './engine.ts';
import { objectKey } from './objects.ts';
import { tsigSecretViolations } from './tsig-admission.ts';
import type { World, WorldContext } from './world.ts';

export interface Judgement {
  /** The world it was judged against. */
  readonly world: World;
  readonly outcome: AdmissionOutcome;
}

/** Admission against the world of this moment, with the change budget that outlives a restart. */
export interface Judge {
  /** The world once everything that is committed by now is in it. */
  currentWorld(): Promise<World>;
  moment(): Moment;
  /** Charges the budget for what it lets pass, unless nothing is going to be stored. */
  judge(
    changes: readonly ProposedChange[],
    context: Pick<ChangeContext, 'force' | 'dryRun'>,
  ): Promise<Judgement>;
}

export interface JudgeOptions {
  readonly store: Pick<Store, 'list' | 'getMeta' | 'putMeta' | 'secretData'>;
  readonly engine: Pick<Engine, 'caughtUp' | 'world' | 'health' | 'agents'>;
  readonly context: WorldContext;
  readonly wallMs: () => number;
}

const META_KEY = 'plan/budget';

const budgetSchema = z.record(
  z.string(),
  z.array(z.object({ atMs: z.number(), capacity: z.number(), endpoints: z.number() })),
);

export async function createJudge(options: JudgeOptions): Promise<Judge> {
  const { store, engine, wallMs } = options;
  let budget: ReadonlyMap<string, readonly Removal[]> = parseBudget(await store.getMeta(META_KEY));

  const moment = (): Moment => ({ targetState: (id) => engine.health.state(id), wallMs: wallMs() });

  async function currentWorld(): Promise<World> {
    await engine.caughtUp((await store.list({ kind: 'Drain' })).revision);
    return engine.world;
  }

  /** Durable first: a charge that a crash forgets would let the same removal pass twice. */
  async function charge(charges: AdmissionOutcome['charges']): Promise<void> {
    const nowMs = wallMs();
    const next = new Map<string, readonly Removal[]>();
    for (const [hostname, history] of [...budget, ...charges]) {
      const recent = history.filter((r) => nowMs - r.atMs < DEFAULT_BUDGET.windowMs);
      if (recent.length > 0) next.set(hostname, recent);
      else next.delete(hostname);
    }
    await store.putMeta(META_KEY, JSON.stringify(Object.fromEntries(next)));
    budget = next;
  }

  return {
    currentWorld,
    moment,
    async judge(changes, { force, dryRun }) {
      const world = await currentWorld();
      const joined = new Set(
        engine.agents.all.map((a) => objectKey(a.identity.cluster.namespace, a.identity.cluster.name)),
      );
      const outcome = admit({
        world,
        context: options.context,
        changes,
        force,
        moment: moment(),
        budget,
        joined,
      });
      const badKeys = await tsigSecretViolations(changes, outcome.next, store);
      const badCredentials = await providerSecretViolations(changes, outcome.next, store);
      const violations = [...outcome.violations, ...badKeys, ...badCredentials];
      const whole = { ...outcome, violations };
      if (whole.violations.length === 0 && !dryRun && whole.charges.size > 0) await charge(whole.charges);
      return { world, outcome: whole };
    },
  };
}

/** @throws PortolanError with the first violation's code and all of them inside */
export function refuse(outcome: AdmissionOutcome): void {
  const first = outcome.violations[0];
  if (first === undefined) return;
  throw new PortolanError(first.code, first.message, {
    fix: first.fix,
    violations: outcome.violations.map(({ change: _change, ...v }) => v),
  });
}

function parseBudget(text: string | undefined): ReadonlyMap<string, readonly Removal[]> {
  if (text === undefined) return new Map();
  const parsed = budgetSchema.safeParse(parseJson(text));
  if (parsed.success) return new Map(Object.entries(parsed.data));
  throw new PortolanError('STORE_CORRUPT', 'the stored change budget cannot be read', {
    cause: parsed.error,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

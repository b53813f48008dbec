import type { Engine } from '../reconcile/engine.ts';
import { nameServersOf } from '../reconcile/snapshot-agents.ts';
import type { ZoneSigning } from './zone-signing.ts';

const TICK_MS = 1_000;
const WATCH_MS = 5_000;

/** Lets time pass for the keys of zones. @returns ends it, after what is under way */
export function keepSigning(signing: Pick<ZoneSigning, 'tick' | 'watchParents'>): () => Promise<void> {
  const stopTicks = every(TICK_MS, () => signing.tick());
  const stopWatching = every(WATCH_MS, () => signing.watchParents());
  return async () => {
    // A parent that does not answer must not hold up the end; nothing is written when it does.
    void stopWatching();
    await stopTicks();
  };
}

/** Never two at once: from the end of one to the start of the next. */
function every(ms: number, work: () => Promise<void>): () => Promise<void> {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const later = (): void => {
    if (closed) return;
    timer = setTimeout(() => {
      running = work().finally(later);
    }, ms);
  };
  later();
  return () => {
    closed = true;
    clearTimeout(timer);
    return running;
  };
}

/** Agents that answer DNS, or did when they were last heard, with the content they confirmed. */
export function signingServers(
  engine: Pick<Engine, 'agents' | 'world'> | undefined,
): readonly { readonly id: string; readonly sequence: number }[] {
  if (engine === undefined) return [];
  return engine.agents.all
    .filter((agent) => nameServersOf(agent, engine.world).length > 0)
    .map((agent) => ({ id: `agent/${agent.identity.agentUid}`, sequence: agent.applied?.sequence ?? 0 }));
}

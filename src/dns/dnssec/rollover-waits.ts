import {
  lagging,
  type RolloverInput,
  type RolloverState,
  UNKNOWN_DS_TTL_SECONDS,
  type Wait,
  type ZoneKey,
} from './rollover-state.ts';

/* What each step of a key's life waits for; `rollover.ts` takes the step once there is nothing. */

/** Why the key's next step does not happen now; `undefined`: it does, or there is none. */
export function keyStepWait(key: ZoneKey, state: RolloverState, input: RolloverInput): Wait | undefined {
  if (key.state === 'active') return undefined;
  if (key.role === 'zsk' || key.state !== 'ready') return keyWait(key, state, input);
  if (key.dsSeenAtMs === undefined) {
    return { for: 'parent', what: 'ds', keyTag: key.keyTag, sinceMs: key.sinceMs };
  }
  // No older key goes with this step: whatever DS set a cache holds, it names this key or none.
  if (state.keys.filter((other) => other.role === 'ksk').length === 1) return undefined;
  const untilMs = key.dsSeenAtMs + (state.dsTtlSeconds ?? UNKNOWN_DS_TTL_SECONDS) * 1000 + MARGIN_MS;
  return input.nowMs < untilMs ? { for: 'time', untilMs } : undefined;
}

/** What a parent may take from being asked for a DS to publishing it on all its servers. */
const REGISTRATION_MS = 5 * 86_400_000;

/** Caches count in whole seconds, and so may be late by one; twice that. */
const MARGIN_MS = 2_000;

/** What every step waits for that is not the parent's: the servers, and then caches. */
export function keyWait(key: ZoneKey, state: RolloverState, input: RolloverInput): Wait | undefined {
  if (key.spreadAtMs === undefined) {
    return { for: 'servers', servers: lagging(state, input, key.revision), sinceMs: key.sinceMs };
  }
  const untilMs = key.spreadAtMs + state.ttl.seconds * 1000 + input.copyDelayMs + MARGIN_MS;
  return input.nowMs < untilMs ? { for: 'time', untilMs } : undefined;
}

/** Why a zone that is being unsigned still is signed; `undefined`: nothing holds it up. */
export function unsigningWait(state: RolloverState, input: RolloverInput): Wait | undefined {
  if (state.dsGoneAtMs === undefined) {
    return { for: 'parent', what: 'no-ds', sinceMs: state.sinceMs };
  }
  // Nobody was ever told to publish a DS: no cache holds one.
  const offered = state.keys.some((key) => key.role === 'ksk' && key.state !== 'published');
  const unseen = offered ? UNKNOWN_DS_TTL_SECONDS : 0;
  // A DS that was asked for and is not seen may be under way still.
  const { farewell } = state;
  let untilMs = state.dsGoneAtMs + (state.dsTtlSeconds ?? unseen) * 1000 + MARGIN_MS;
  if (offered && farewell !== undefined && farewell.dsShown !== true) {
    if (farewell.spreadAtMs === undefined) {
      return {
        for: 'servers',
        servers: lagging(state, input, farewell.revision),
        sinceMs: state.sinceMs,
      };
    }
    untilMs = Math.max(untilMs, farewell.spreadAtMs + REGISTRATION_MS);
  }
  return input.nowMs < untilMs ? { for: 'time', untilMs } : undefined;
}

import type { Advance, KeyRole, NewKey, RolloverInput, RolloverState, ZoneKey } from './rollover-state.ts';
import { keyStepWait, unsigningWait } from './rollover-waits.ts';

/* What a person does to the keys of a zone; each act is refused where it could make the zone bogus. */

/** A roll by age, or a person's. @returns why not, instead of a state */
export function startRoll(
  state: RolloverState,
  role: KeyRole,
  nowMs: number,
  newKey: NewKey,
): Advance | { readonly refused: string } {
  if (state.phase === 'unsigning' || state.phase === 'unsigned')
    return { refused: `the zone is ${state.phase}` };
  const under = state.keys.find((key) => key.role === role && key.state !== 'active');
  if (under !== undefined && (role === 'zsk' || state.phase === 'signed')) {
    return { refused: `key ${under.keyTag} is ${under.state}: one roll after the other` };
  }
  if (role === 'ksk' && state.phase !== 'signed') {
    return { refused: 'the parent does not vouch for the zone yet, so there is nothing to roll' };
  }
  return withNewKey(state, role, nowMs, newKey);
}

/** A new key in the list of keys; everything else follows by itself. */
export function withNewKey(state: RolloverState, role: KeyRole, nowMs: number, newKey: NewKey): Advance {
  const revision = state.revision + 1;
  const key: ZoneKey = {
    ...newKey(role),
    role,
    state: 'published',
    createdAtMs: nowMs,
    sinceMs: nowMs,
    revision,
  };
  return {
    state: { ...state, revision, keys: [...state.keys, key] },
    events: [{ type: 'RolloverStarted', keyTag: key.keyTag, message: `a new ${role.toUpperCase()}` }],
  };
}

/** A person has seen the DS at the parent (or, of a zone that is being unsigned, that it is gone). @returns why not, instead */
export function confirmDs(state: RolloverState, nowMs: number): Advance | { readonly refused: string } {
  if (state.phase === 'unsigning') {
    if (state.dsGoneAtMs !== undefined) return { refused: 'that the DS is gone was seen already' };
    return {
      state: { ...state, dsGoneAtMs: nowMs },
      events: [{ type: 'DSConfirmed', message: 'a person says that the DS is gone' }],
    };
  }
  const waiting = state.keys.filter((key) => key.role === 'ksk' && key.state === 'ready');
  const [key] = waiting.filter((candidate) => candidate.dsSeenAtMs === undefined);
  if (key === undefined) return { refused: 'no key waits for its DS' };
  return {
    state: {
      ...state,
      keys: state.keys.map((other) =>
        other === key ? { ...key, dsSeenAtMs: nowMs, dsConfirmed: true } : other,
      ),
    },
    events: [
      { type: 'DSConfirmed', keyTag: key.keyTag, message: 'a person says that the parent has its DS' },
    ],
  };
}

/** A server that is away holds a step up for this long before a person may go on without it. */
export const SERVER_DEADLINE_MS = 7 * 86_400_000;

/** Goes on without servers that have been waited for long enough. @returns why not, instead */
export function excuse(
  state: RolloverState,
  input: RolloverInput,
): { readonly state: RolloverState; readonly servers: readonly string[] } | { readonly refused: string } {
  const waits = [
    ...state.keys.map((key) => keyStepWait(key, state, input)),
    ...(state.phase === 'unsigning' ? [unsigningWait(state, input)] : []),
  ];
  const late = waits.flatMap((wait) => {
    return wait?.for === 'servers' && wait.servers.length > 0 ? [wait] : [];
  });
  if (late.length === 0) return { refused: 'no step waits for a server' };
  const due = late.filter((wait) => input.nowMs - wait.sinceMs >= SERVER_DEADLINE_MS);
  if (due.length === 0) {
    const at = Math.min(...late.map((wait) => wait.sinceMs)) + SERVER_DEADLINE_MS;
    return { refused: `a server may be left behind from ${new Date(at).toISOString()} on, not earlier` };
  }
  const servers = [...new Set(due.flatMap((wait) => wait.servers))];
  return { state: { ...state, excused: [...new Set([...state.excused, ...servers])] }, servers };
}

import { dsEverywhere, dsNowhere, longestDsTtl, type ParentView } from './parent-view.ts';
import { withNewKey } from './rollover-acts.ts';
import {
  type Advance,
  lagging,
  type NewKey,
  type RolloverEvent,
  type RolloverInput,
  type RolloverState,
  type ZoneKey,
} from './rollover-state.ts';
import { keyStepWait, keyWait, unsigningWait } from './rollover-waits.ts';

/*
 * The life of a zone's keys (RFC 6781 section 4.1, RFC 7583), as a pure function of what was and what is seen now:
 *
 * zone-signing key, by pre-publication (RFC 7583 section 3.2.1)
 *   published  in the DNSKEY set, signs nothing            -> active   every server has it, and then the longest TTL
 *   active     signs                                        -> retired  when its successor becomes active
 *   retired    in the DNSKEY set for what caches hold       -> gone     every server signs with the successor, then the longest TTL
 * key-signing key, by double signature (RFC 7583 section 3.3.1)
 *   published  signs the DNSKEY set beside the old one      -> ready    every server has it, and then the longest TTL
 *   ready      its DS is asked for (CDS, CDNSKEY: RFC 7344) -> active   every parent server has the DS, then the DS set's TTL
 *   active     the older ones go with this step
 * the zone
 *   signing -> awaiting-ds -> signed ; unsigning (CDS "delete", RFC 8078 section 4) -> unsigned once no parent server has a DS any
 *   more and its TTL has passed.
 *
 * "Every server has it" is what acknowledgements say, never a guess by time: a server that is away holds a step up.
 */

/** The first look at a zone that is to be signed. */
export function beginSigning(
  nowMs: number,
  longestTtlSeconds: number,
  newKey: NewKey,
  revision = 1,
): RolloverState {
  const at = { createdAtMs: nowMs, sinceMs: nowMs, revision };
  return {
    phase: 'signing',
    sinceMs: nowMs,
    revision,
    keys: [
      { ...newKey('ksk'), role: 'ksk', state: 'published', ...at },
      { ...newKey('zsk'), role: 'zsk', state: 'active', ...at },
    ],
    ttl: { seconds: longestTtlSeconds },
    excused: [],
  };
}

/** Goes as many steps as are due now. */
export function advance(state: RolloverState, input: RolloverInput, newKey: NewKey): Advance {
  const events: RolloverEvent[] = [];
  let at = state;
  // Each step is judged anew: what one of them changes, servers have not acknowledged yet.
  for (let steps = 0; steps < 16; steps += 1) {
    const next = oneStep(at, input, newKey, events);
    if (next === at) break;
    at = next;
  }
  return { state: at, events };
}

function oneStep(
  state: RolloverState,
  input: RolloverInput,
  newKey: NewKey,
  events: RolloverEvent[],
): RolloverState {
  return (
    withTtl(state, input) ??
    withSpread(state, input) ??
    withParent(state, input, events) ??
    withPhase(state, input, newKey, events) ??
    withZsk(state, input, newKey, events) ??
    withKsk(state, input, events) ??
    state
  );
}

// --- what is seen

/** The longest TTL that caches may hold anything of the zone with: a lowered one counts once every server has it and the old one passed. */
function withTtl(state: RolloverState, input: RolloverInput): RolloverState | undefined {
  const { ttl } = state;
  const now = input.longestTtlSeconds;
  if (now >= ttl.seconds) {
    if (now === ttl.seconds && ttl.lowered === undefined) return undefined;
    return { ...state, ttl: { seconds: now } };
  }
  if (ttl.lowered?.seconds !== now) {
    const revision = state.revision + 1;
    return { ...state, revision, ttl: { ...ttl, lowered: { seconds: now, revision } } };
  }
  const { spreadAtMs } = ttl.lowered;
  if (spreadAtMs === undefined || input.nowMs < spreadAtMs + ttl.seconds * 1000) return undefined;
  return { ...state, ttl: { seconds: now } };
}

/** Notes when every server was seen with a step. */
function withSpread(state: RolloverState, input: RolloverInput): RolloverState | undefined {
  const has = (revision: number): boolean => lagging(state, input, revision).length === 0;
  const keys = state.keys.map((key) =>
    key.spreadAtMs === undefined && has(key.revision) ? { ...key, spreadAtMs: input.nowMs } : key,
  );
  const lowered = state.ttl.lowered;
  const ttl =
    lowered !== undefined && lowered.spreadAtMs === undefined && has(lowered.revision)
      ? { ...state.ttl, lowered: { ...lowered, spreadAtMs: input.nowMs } }
      : state.ttl;
  // An excuse ends with the server's word: from then on it counts again.
  const excused = state.excused.filter((id) =>
    input.servers.some((server) => server.id === id && server.revision < state.revision),
  );
  const farewell =
    state.farewell !== undefined && state.farewell.spreadAtMs === undefined && has(state.farewell.revision)
      ? { ...state.farewell, spreadAtMs: input.nowMs }
      : state.farewell;
  const changed =
    ttl !== state.ttl ||
    farewell !== state.farewell ||
    excused.length !== state.excused.length ||
    keys.some((key, i) => key !== state.keys[i]);
  if (!changed) return undefined;
  return { ...state, keys, ttl, excused, ...(farewell === undefined ? {} : { farewell }) };
}

/** Notes what the parent publishes, of keys that wait for their DS and of a zone that waits for its DS to go. */
function withParent(
  state: RolloverState,
  input: RolloverInput,
  events: RolloverEvent[],
): RolloverState | undefined {
  const view = input.parent;
  if (view === undefined || view.atMs <= (state.parentSeenAtMs ?? 0)) return undefined;
  const ttlSeconds = Math.max(state.dsTtlSeconds ?? 0, longestDsTtl(view) ?? 0);
  const keys = state.keys.map((key) => seenAtParent(key, view, events));
  const { dsGoneAtMs: goneBefore, ...rest } = state;
  const goneAtMs =
    state.phase === 'unsigning' && dsNowhere(view)
      ? (goneBefore ?? view.atMs)
      : // A parent that does not answer takes nothing back; one that shows a DS does.
        state.phase === 'unsigning' && longestDsTtl(view) === undefined
        ? goneBefore
        : undefined;
  const { farewell } = state;
  const shown =
    farewell !== undefined && longestDsTtl(view) !== undefined ? { ...farewell, dsShown: true } : farewell;
  const seen: RolloverState = {
    ...rest,
    keys,
    ...(shown === undefined ? {} : { farewell: shown }),
    parentSeenAtMs: view.atMs,
    ...(ttlSeconds > 0 ? { dsTtlSeconds: ttlSeconds } : {}),
    ...(goneAtMs === undefined ? {} : { dsGoneAtMs: goneAtMs }),
  };
  return withLostDs(seen, view, events) ?? seen;
}

/** The parent took the DS of a signed zone away: the zone is insecure until it is there again, and the key waits for it anew. */
function withLostDs(
  state: RolloverState,
  view: ParentView,
  events: RolloverEvent[],
): RolloverState | undefined {
  const ksks = state.keys.filter((key) => key.role === 'ksk');
  const active = ksks.find((key) => key.state === 'active' && key.dsConfirmed !== true);
  // While a successor waits for its DS, that of the active key goes as it should.
  if (state.phase !== 'signed' || active === undefined || ksks.some((key) => key.state === 'ready'))
    return undefined;
  if (dsEverywhere(view, active.ds) !== 'missing') return undefined;
  events.push({ type: 'DSLost', keyTag: active.keyTag, message: 'a server of the parent has no DS of it' });
  const { dsSeenAtMs: _seen, ...rest } = active;
  const revision = state.revision + 1;
  const ready: ZoneKey = { ...rest, state: 'ready', sinceMs: view.atMs, revision };
  return {
    ...state,
    phase: 'awaiting-ds',
    sinceMs: view.atMs,
    revision,
    keys: state.keys.map((key) => (key === active ? ready : key)),
  };
}

function seenAtParent(key: ZoneKey, view: ParentView, events: RolloverEvent[]): ZoneKey {
  if (key.role !== 'ksk' || key.state !== 'ready' || key.dsConfirmed === true) return key;
  const verdict = dsEverywhere(view, key.ds);
  if (verdict === 'everywhere') {
    if (key.dsSeenAtMs !== undefined) return key;
    events.push({ type: 'DSSeen', keyTag: key.keyTag, message: 'every server of the parent has its DS' });
    return { ...key, dsSeenAtMs: view.atMs };
  }
  if (verdict === 'unknown' || key.dsSeenAtMs === undefined) return key;
  const { dsSeenAtMs: _taken, ...without } = key;
  return without;
}

// --- what is wanted

function withPhase(
  state: RolloverState,
  input: RolloverInput,
  newKey: NewKey,
  events: RolloverEvent[],
): RolloverState | undefined {
  const { nowMs } = input;
  const { dsGoneAtMs: _gone, ...kept } = state;
  if (state.phase === 'unsigned') {
    if (!input.wanted) return undefined;
    events.push({ type: 'SigningStarted', message: 'the zone is signed again, with new keys' });
    return beginSigning(nowMs, input.longestTtlSeconds, newKey, state.revision + 1);
  }
  if (state.phase !== 'unsigning') {
    if (input.wanted) return undefined;
    events.push({
      type: 'UnsigningStarted',
      message: 'the zone stays signed until the DS is gone from the parent and its TTL has passed',
    });
    const revision = state.revision + 1;
    // A DS that the parent has shown is not on its way any more.
    const dsShown = state.keys.every(
      ({ role, state, dsSeenAtMs }) => role === 'zsk' || state === 'published' || dsSeenAtMs !== undefined,
    );
    const farewell = dsShown ? { revision, dsShown } : { revision };
    return { ...kept, phase: 'unsigning', sinceMs: nowMs, revision, farewell };
  }
  if (input.wanted) return resumed(state, input, events);
  if (unsigningWait(state, input) !== undefined) return undefined;
  events.push({ type: 'Unsigned', message: 'no cache holds a DS any more; signatures and keys are gone' });
  return {
    phase: 'unsigned',
    sinceMs: nowMs,
    revision: state.revision + 1,
    keys: [],
    ttl: state.ttl,
    excused: [],
  };
}

/** Signing is wanted again before it ended: whether the DS still stands at the parent has to be seen anew. */
function resumed(state: RolloverState, { nowMs }: RolloverInput, events: RolloverEvent[]): RolloverState {
  const revision = state.revision + 1;
  const keys = state.keys.map((key): ZoneKey => {
    if (key.role !== 'ksk') return key;
    const { dsSeenAtMs: _seen, dsConfirmed: _confirmed, ...rest } = key;
    return key.state === 'active' ? { ...rest, state: 'ready', sinceMs: nowMs, revision } : rest;
  });
  events.push({ type: 'UnsigningStopped', message: 'the zone stays signed' });
  const { dsGoneAtMs: _gone, farewell: _farewell, ...kept } = state;
  const waits = keys.some((key) => key.role === 'ksk' && key.state === 'ready');
  return { ...kept, phase: waits ? 'awaiting-ds' : 'signing', sinceMs: nowMs, revision, keys };
}

// --- keys

function withZsk(
  state: RolloverState,
  input: RolloverInput,
  newKey: NewKey,
  events: RolloverEvent[],
): RolloverState | undefined {
  const { nowMs } = input;
  const zsks = state.keys.filter((key) => key.role === 'zsk');
  const retired = zsks.find((key) => key.state === 'retired' && keyWait(key, state, input) === undefined);
  if (retired !== undefined) {
    events.push({ type: 'KeyRemoved', keyTag: retired.keyTag, message: 'no cache needs it any more' });
    return withoutKeys(state, (key) => key === retired);
  }
  const next = zsks.find((key) => key.state === 'published' && keyWait(key, state, input) === undefined);
  if (next !== undefined) {
    const revision = state.revision + 1;
    events.push({ type: 'KeyActive', keyTag: next.keyTag, message: 'every cache can know it; it signs' });
    const moved = (key: ZoneKey, to: 'active' | 'retired'): ZoneKey => {
      const { spreadAtMs: _spread, ...rest } = key;
      return { ...rest, state: to, sinceMs: nowMs, revision };
    };
    const keys = state.keys.map((key) => {
      if (key === next) return moved(key, 'active');
      return key.role === 'zsk' && key.state === 'active' ? moved(key, 'retired') : key;
    });
    return { ...state, revision, keys };
  }
  const [only] = zsks;
  const old = zsks.length === 1 && only !== undefined && nowMs - only.createdAtMs >= input.zskLifetimeMs;
  if (!old || state.phase === 'unsigning' || state.phase === 'unsigned') return undefined;
  const started = withNewKey(state, 'zsk', nowMs, newKey);
  events.push(...started.events);
  return started.state;
}

function withKsk(
  state: RolloverState,
  input: RolloverInput,
  events: RolloverEvent[],
): RolloverState | undefined {
  if (state.phase === 'unsigning' || state.phase === 'unsigned') return undefined;
  const { nowMs } = input;
  const revision = state.revision + 1;
  for (const key of state.keys) {
    if (key.role !== 'ksk' || key.state === 'active' || keyStepWait(key, state, input) !== undefined)
      continue;
    if (key.state === 'published') {
      const ready: ZoneKey = { ...key, state: 'ready', sinceMs: nowMs, revision };
      events.push({
        type: 'DSExpected',
        keyTag: key.keyTag,
        message: 'the parent may publish its DS now, and has to before the roll goes on',
      });
      const keys = state.keys.map((other) => (other === key ? ready : other));
      return state.phase === 'signing'
        ? { ...state, phase: 'awaiting-ds', sinceMs: nowMs, revision, keys }
        : { ...state, revision, keys };
    }
    const active: ZoneKey = { ...key, state: 'active', sinceMs: nowMs, revision };
    events.push({ type: 'KeyActive', keyTag: key.keyTag, message: 'the parent vouches for it' });
    const replaced = state.keys.map((other) => (other === key ? active : other));
    const older = (other: ZoneKey): boolean =>
      other.role === 'ksk' && other !== active && other.createdAtMs <= active.createdAtMs;
    for (const gone of replaced.filter(older))
      events.push({ type: 'KeyRemoved', keyTag: gone.keyTag, message: 'no cache needs it any more' });
    if (state.phase !== 'signed') events.push({ type: 'Signed', message: 'the chain of trust is whole' });
    return {
      ...state,
      phase: 'signed',
      sinceMs: state.phase === 'signed' ? state.sinceMs : nowMs,
      revision,
      keys: replaced.filter((other) => !older(other)),
    };
  }
  return undefined;
}

function withoutKeys(state: RolloverState, goes: (key: ZoneKey) => boolean): RolloverState {
  return { ...state, revision: state.revision + 1, keys: state.keys.filter((key) => !goes(key)) };
}

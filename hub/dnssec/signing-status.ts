import { keyPlan } from '../../src/dns/dnssec/key-plan.ts';
import type { ParentView } from '../../src/dns/dnssec/parent-view.ts';
import { SERVER_DEADLINE_MS } from '../../src/dns/dnssec/rollover-acts.ts';
import type { Wait, ZoneKey } from '../../src/dns/dnssec/rollover-state.ts';
import { keyStepWait, unsigningWait } from '../../src/dns/dnssec/rollover-waits.ts';
import { apexExpiryMs } from '../../src/dns/dnssec/zone-material.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import type { ZoneDnssecStatus, ZoneKeyStatus } from '../../src/resources/zone-dnssec-status.ts';
import type { ZoneSigningView } from './zone-signing.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

/** @param serverName what people call a server, by its id: the name of its cluster */
export function signingStatus(view: ZoneSigningView, serverName: (id: string) => string): ZoneDnssecStatus {
  const { zone, input } = view;
  const { state, apex, settings } = zone;
  const parent = keyPlan(state)?.parent;
  const asked = typeof parent === 'object' ? parent : [];
  const wait = state.phase === 'unsigning' ? unsigningWait(state, input) : undefined;
  return {
    state: state.phase,
    since: iso(state.sinceMs),
    keys: state.keys.map((key) => keyStatus(key, view, serverName)),
    ds: asked.flatMap((key) => key.ds.map((ds) => ({ ...ds, digest: ds.digest.toUpperCase() }))),
    dnskey: asked.flatMap(({ id }) => {
      const dnskey = zone.pairs.get(id)?.dnskey;
      if (dnskey === undefined) return [];
      const text = Buffer.from(dnskey.publicKey).toString('base64');
      return [`${dnskey.flags} ${dnskey.protocol} ${dnskey.algorithm} ${text}`];
    }),
    ...(apex === undefined ? {} : { signaturesExpire: iso(apexExpiryMs(apex, settings)) }),
    ...(wait === undefined ? {} : { waitsFor: waitText(wait, input.parent, serverName) }),
    ...(input.parent === undefined
      ? {}
      : { parent: parentText(input.parent), parentSeenAt: iso(input.parent.atMs) }),
  };
}

/** The condition `Signed` of a Zone; what it says tells what a person has to do, if anything. */
export function signedVerdict(
  view: ZoneSigningView,
  zoneName: string,
): Pick<Condition, 'type' | 'status' | 'reason' | 'message'> {
  const show = `\`portolan zone dnssec show ${zoneName}\``;
  const type = 'Signed';
  switch (view.zone.state.phase) {
    case 'signing':
      return {
        type,
        status: 'False',
        reason: 'Signing',
        message: `answers are signed; the DS is shown once every name server signs and caches have forgotten unsigned answers (${show})`,
      };
    case 'awaiting-ds':
      return {
        type,
        status: 'False',
        reason: 'AwaitingDS',
        message: `have the parent publish the DS that ${show} prints`,
      };
    case 'signed':
      return { type, status: 'True', reason: 'ChainOfTrust', message: 'the parent vouches for the keys' };
    case 'unsigning':
      return {
        type,
        status: 'True',
        reason: 'Unsigning',
        message: `have the parent remove the DS; the zone stays signed until it is gone and its TTL has passed (${show})`,
      };
    case 'unsigned':
      return { type, status: 'False', reason: 'Unsigned', message: 'signing was turned off' };
  }
}

function keyStatus(
  key: ZoneKey,
  { zone, input }: ZoneSigningView,
  serverName: (id: string) => string,
): ZoneKeyStatus {
  const { state } = zone;
  const { keyTag, role } = key;
  const wait = keyStepWait(key, state, input);
  const next = nextText(key, zone.zskLifetimeMs, state.keys);
  return {
    keyTag,
    role,
    state: key.state,
    since: iso(key.sinceMs),
    ...(next === undefined ? {} : { next }),
    ...(wait === undefined ? {} : { waitsFor: waitText(wait, input.parent, serverName) }),
  };
}

function nextText(key: ZoneKey, zskLifetimeMs: number, keys: readonly ZoneKey[]): string | undefined {
  switch (key.state) {
    case 'published':
      return key.role === 'zsk' ? 'signs instead of the active key' : 'its DS is asked for';
    case 'ready':
      return keys.some((other) => other.role === 'ksk' && other.state === 'active')
        ? 'takes the place of the active key'
        : 'active';
    case 'retired':
      return 'removed';
    case 'active':
      return key.role === 'ksk' || keys.some((other) => other.role === 'zsk' && other !== key)
        ? undefined
        : `rolled at ${iso(key.createdAtMs + zskLifetimeMs)}`;
  }
}

function waitText(wait: Wait, parent: ParentView | undefined, serverName: (id: string) => string): string {
  switch (wait.for) {
    case 'time':
      return `caches may hold what was before until ${iso(wait.untilMs)}`;
    case 'servers': {
      const names = wait.servers.map(serverName);
      if (names.length === 0) return 'the next publication';
      return `name servers that have not confirmed it: ${names.join(', ')}; from ${iso(wait.sinceMs + SERVER_DEADLINE_MS)} on a person may go on without them`;
    }
    case 'parent': {
      const seen = parent === undefined ? 'the parent was not asked yet' : parentText(parent);
      return wait.what === 'ds'
        ? `the DS of key ${wait.keyTag ?? ''} at every server of the parent; ${seen}`
        : `the DS to vanish from every server of the parent; ${seen}`;
    }
  }
}

function parentText(view: ParentView): string {
  return view.servers
    .map((server) => {
      if ('error' in server) return `${server.address}: ${server.error}`;
      const tags = [...new Set(server.ds.map((ds) => ds.keyTag))];
      return `${server.address}: ${tags.length === 0 ? 'no DS' : `DS of ${tags.join(', ')}`}`;
    })
    .join('; ');
}

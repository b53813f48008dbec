import { PortolanError } from '../../src/errors/error.ts';
import {
  ID_RANDOM_BYTES,
  isKeyText,
  keyBits,
  newApiKey,
  newKeyId,
  STRONG_KEY_BITS,
} from '../../src/identity/api-key.ts';
import type { ApiKey, ApiKeyInput, KeyServices } from '../api/key-services.ts';
import type { Store } from '../store/contract.ts';
import type { ApiKeyFacts, StoredKey } from '../store/key-contract.ts';
import type { CredentialFeed } from './feed.ts';
import type { KeyPeppers } from './peppers.ts';

export interface KeyDeskOptions {
  readonly store: Pick<Store, 'keys'>;
  readonly peppers: Pick<KeyPeppers, 'hubDigest'>;
  readonly feed: Pick<CredentialFeed, 'standings'>;
  /** Whose keys a cluster gets. @param clusterKey `namespace/name` */
  readonly namespacesOf: (clusterKey: string) => readonly string[];
  readonly wallMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Warnings of one import; one line says how many more there are. */
const MAX_WARNINGS = 20;

/** Makes, rotates, revokes and shows API keys. A key is in memory for as long as the answer to its maker takes. */
export function createKeyDesk(options: KeyDeskOptions): KeyServices {
  const { peppers, wallMs, randomBytes } = options;
  const { keys } = options.store;

  const refusePast = (expiresAt: string | undefined): void => {
    if (expiresAt === undefined || Date.parse(expiresAt) > wallMs()) return;
    throw new PortolanError('VALIDATION_FAILED', "expiresAt lies in the past by the hub's clock", {
      fix: 'Give a later time.',
    });
  };
  const found = async (namespace: string, id: string): Promise<StoredKey> => {
    const key = await keys.get(id);
    // A key of another namespace looks like none, so ids cannot be probed.
    if (key?.namespace === namespace) return key;
    throw new PortolanError('KEY_NOT_FOUND', `there is no key ${id} in namespace ${namespace}`);
  };
  const shown = (key: StoredKey): ApiKey => shownKey(key, wallMs());

  return {
    async create(namespace, input, actor) {
      refusePast(input.expiresAt);
      const { text, id } = newApiKey(randomBytes);
      const digest = await peppers.hubDigest(text, input.pairId);
      const [stored] = await keys.create([{ ...factsOf(namespace, input), id, digest }], {
        actor,
        verb: 'key.create',
      });
      if (stored === undefined) throw new PortolanError('INTERNAL', 'the key was not kept');
      return { ...shown(stored), key: text };
    },
    async import(namespace, list, actor) {
      const weak: number[] = [];
      const made = [];
      const randomPart = portionsOf(randomBytes(list.length * ID_RANDOM_BYTES));
      for (const [i, { key, ...input }] of list.entries()) {
        if (!isKeyText(key))
          throw new PortolanError(
            'VALIDATION_FAILED',
            `key ${i + 1} of the list is not 1 to 512 visible ASCII characters`,
            { fix: 'Leave it out, or make a new one with `portolan key create`.' },
          );
        refusePast(input.expiresAt);
        if (keyBits(key) < STRONG_KEY_BITS) weak.push(i + 1);
        const digest = await peppers.hubDigest(key, input.pairId);
        made.push({ ...factsOf(namespace, input), id: newKeyId(randomPart), digest });
      }
      await keys.create(made, { actor, verb: 'key.import' });
      const warnings = weak
        .slice(0, MAX_WARNINGS)
        .map((n) => `key ${n} of the list is short enough to be guessed; rotate it when its owner can`);
      if (weak.length > MAX_WARNINGS) warnings.push(`and ${weak.length - MAX_WARNINGS} more keys like these`);
      return { ids: made.map(({ id }) => id), warnings };
    },
    async list(filter) {
      return (await keys.list(filter)).map(shown);
    },
    async describe(namespace, id) {
      const key = await keys.get(id);
      if (key?.namespace !== namespace) return undefined;
      const place = await keys.place();
      const clusters = options.feed.standings
        .filter(({ clusterKey }) => options.namespacesOf(clusterKey).includes(namespace))
        .map(({ clusterKey, connected, acknowledged, problem }) => {
          const has = acknowledged?.feed === place.feed && acknowledged.sequence >= key.sequence;
          const state = has ? ('live' as const) : connected ? ('pending' as const) : ('away' as const);
          return { cluster: clusterKey, state, detail: detailOf(state, connected, problem) };
        })
        .toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1));
      return { ...shown(key), clusters };
    },
    async rotate(namespace, id, { overlapSeconds, expiresAt }, actor) {
      refusePast(expiresAt);
      const before = await found(namespace, id);
      const made = newApiKey(randomBytes);
      const digest = await peppers.hubDigest(made.text, before.pairId);
      const { roles, principal, plan, labels, attributes, pairId } = before;
      const facts = factsOf(namespace, { roles, principal, plan, labels, attributes, pairId, expiresAt });
      const until = new Date(wallMs() + overlapSeconds * 1000).toISOString();
      const { successor } = await keys.rotate(id, { ...facts, id: made.id, digest }, { actor, until });
      return { ...shown(successor), key: made.text };
    },
    async revoke(namespace, id, { reason }, actor) {
      await found(namespace, id);
      return shown(await keys.revoke(id, { actor, ...(reason === undefined ? {} : { reason }) }));
    },
    async delete(namespace, id, actor) {
      const key = await found(namespace, id);
      await keys.delete(id, { actor });
      return shown(key);
    },
  };
}

/** One question to the system for the ids of all keys of an import: it costs as much as the rest of making one. */
function portionsOf(bytes: Uint8Array): (count: number) => Uint8Array {
  let at = 0;
  return (count) => {
    at += count;
    return bytes.subarray(at - count, at);
  };
}

function factsOf(namespace: string, input: ApiKeyInput): ApiKeyFacts {
  const { principal, roles, plan, labels, attributes, pairId, expiresAt } = input;
  return {
    namespace,
    principal,
    roles,
    labels,
    attributes,
    ...(plan === undefined ? {} : { plan }),
    ...(pairId === undefined ? {} : { pairId }),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
}

function shownKey({ digest: _, sequence: __, state, ...key }: StoredKey, nowMs: number): ApiKey {
  if (state === 'revoked' || state === 'deleted') return { ...key, state: 'revoked' };
  const expired = key.expiresAt !== undefined && Date.parse(key.expiresAt) <= nowMs;
  return { ...key, state: expired ? 'expired' : state };
}

function detailOf(state: 'live' | 'pending' | 'away', connected: boolean, problem: string): string {
  if (problem !== '') return problem;
  if (state === 'live')
    return connected ? 'its agent has it on its disk' : 'its agent had it when it was last connected';
  return state === 'pending' ? 'its agent has not said that it has it' : 'its agent is not connected';
}

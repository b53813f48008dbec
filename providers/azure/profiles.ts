import type { Endpoint, Profile, TrafficManagerManagementClient } from '@azure/arm-trafficmanager';
import { z } from 'zod';
import { sha256Hex } from '../../src/identity/digest.ts';
import { type Aids, ProviderError, type ProviderOptions } from '../contract.ts';
import type { AzureSpec } from './account.ts';
import { PROFILE_AID } from './compile.ts';
import { providerErrorOf } from './errors.ts';
import { type ProfileNode, profilesOf } from './profile-tree.ts';

/** Tags by which profiles are found again; "names of at most 512 characters, values of at most 256". */
const OWNER = 'portolan-owner';
const KEY = 'portolan-key';
/** Place of a profile in its tree: `root`, `root.0`. */
const PATH = 'portolan-path';
/** When it was made, by the hub's clock in milliseconds since 1970: the API does not tell. */
const MADE = 'portolan-made';
const PROVIDER = 'portolan-provider';

/** What a tree has to be older than before it is deleted: a plan that names it may still be on its way. */
const YOUNG_MS = 60_000;

const EXTERNAL = 'Microsoft.Network/trafficManagerProfiles/externalEndpoints';
const NESTED = 'Microsoft.Network/trafficManagerProfiles/nestedEndpoints';

const monitor = z.object({
  protocol: z.enum(['HTTP', 'HTTPS', 'TCP']),
  port: z.number(),
  path: z.string().exactOptional(),
  intervalInSeconds: z.union([z.literal(10), z.literal(30)]),
  timeoutInSeconds: z.number(),
  toleratedNumberOfFailures: z.number(),
  customHeaders: z.array(z.object({ name: z.string(), value: z.string() })).exactOptional(),
  expectedStatusCodeRanges: z.array(z.object({ min: z.number(), max: z.number() })).exactOptional(),
});

/** A profile with those below it, as a spec of an aid holds it. */
export const profileNode: z.ZodType<ProfileNode> = z.object({
  method: z.enum(['Geographic', 'Priority', 'Weighted']),
  ttlSeconds: z.number(),
  monitor,
  endpoints: z.array(
    z.object({
      name: z.string(),
      target: z.string().exactOptional(),
      get child() {
        return profileNode.exactOptional();
      },
      weight: z.number().exactOptional(),
      priority: z.number().exactOptional(),
      geoMapping: z.array(z.string()).exactOptional(),
      alwaysServe: z.boolean().exactOptional(),
    }),
  ),
});
const aidSpec = z.object({ hostname: z.string(), type: z.string(), root: profileNode });

export interface ProfileAids extends Aids {
  /** What the service said of trees that it did not take, by key. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * Trees of Traffic Manager profiles, each made once and found again by its tags. Children are made before the profile that nests them, and deleted
 * after it (the service refuses to delete a nested profile, and so it should one that an alias leads to). A tree that was begun and not finished
 * is finished by the next hub; one that somebody changed gets its content back. A tree that the service refuses (there are too many profiles) has no id, and `refused`
 * says why; the others are made all the same.
 */
export function profileAids(
  client: TrafficManagerManagementClient,
  spec: AzureSpec,
  options: ProviderOptions,
): ProfileAids {
  const { owner, name, turn, clock } = options;
  const { resourceGroup } = spec;
  const refused = new Map<string, string>();

  async function listed(signal: AbortSignal): Promise<readonly Ours[]> {
    const action = 'Profiles_List';
    await turn(action, signal);
    const ours: Ours[] = [];
    try {
      // One page: this list of the API has no next one.
      for await (const profile of client.profiles.listByResourceGroup(resourceGroup, {
        abortSignal: signal,
      })) {
        const found = oursOf(profile, owner);
        if (found !== undefined) ours.push(found);
      }
    } catch (error) {
      throw providerErrorOf(error, { action, writes: false });
    }
    return ours;
  }

  async function make(profileName: string, profile: Profile, signal: AbortSignal): Promise<string> {
    const action = 'Profiles_CreateOrUpdate';
    await turn(action, signal);
    try {
      const made = await client.profiles.createOrUpdate(resourceGroup, profileName, profile, {
        abortSignal: signal,
      });
      if (made.id === undefined)
        throw new ProviderError('ambiguous', `${profileName} was made without an id`);
      return made.id;
    } catch (error) {
      throw providerErrorOf(error, { action, writes: true });
    }
  }

  async function ensureTree(
    key: string,
    root: ProfileNode,
    known: readonly Ours[],
    signal: AbortSignal,
  ): Promise<string> {
    const made = clock.wallMs();
    const ids = new Map<string, string>();
    let id = '';
    for (const { path, node: wanted } of profilesOf(root)) {
      const found = known.find((one) => one.key === key && one.path === path);
      const profileName = found?.name ?? nameOf(owner, key, path, made);
      const profile: Profile = {
        location: 'global',
        tags: {
          [OWNER]: owner,
          [KEY]: key,
          [PATH]: path,
          [MADE]: String(found?.madeMs ?? made),
          [PROVIDER]: name,
        },
        ...contentOf(wanted, path, ids, profileName),
      };
      id =
        found !== undefined && holds(found.profile, profile)
          ? found.id
          : await make(profileName, profile, signal);
      ids.set(path, id);
    }
    // Ids are compared without regard to case.
    return id.toLowerCase();
  }

  return {
    refused,

    async ensure(specs, signal) {
      const known = specs.length === 0 ? [] : await listed(signal);
      const ids = new Map<string, string>();
      for (const { key, kind, spec: content } of specs) {
        if (kind !== PROFILE_AID || ids.has(key)) continue;
        const { root } = aidSpec.parse(content);
        try {
          ids.set(key, await ensureTree(key, root, known, signal));
          refused.delete(key);
        } catch (error) {
          if (!(error instanceof ProviderError) || !['invalid', 'conflict'].includes(error.failure))
            throw error;
          refused.set(key, error.message);
        }
      }
      return ids;
    },

    async collect(keep, signal) {
      const orphans = (await listed(signal)).filter(
        ({ key, madeMs }) => !keep.has(key) && clock.wallMs() - madeMs > YOUNG_MS,
      );
      const held = new Set<string>();
      const gone = new Set<string>();
      // Parents first: what is nested cannot be deleted.
      for (const { key, name: profileName } of orphans.toSorted((a, b) => a.path.length - b.path.length)) {
        if (held.has(key)) continue;
        const action = 'Profiles_Delete';
        await turn(action, signal);
        try {
          await client.profiles.delete(resourceGroup, profileName, { abortSignal: signal });
          gone.add(key);
        } catch (error) {
          const failure = providerErrorOf(error, { action, writes: true, conditional: true });
          // Somebody's alias leads to it: it stays, with all that is below it.
          if (failure.failure !== 'invalid' && failure.failure !== 'conflict') throw failure;
          held.add(key);
        }
      }
      return gone.size;
    },
  };
}

interface Ours {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly path: string;
  readonly madeMs: number;
  readonly profile: Profile;
}

function oursOf(profile: Profile, owner: string): Ours | undefined {
  const { id, name, tags } = profile;
  const [key, path, made] = [tags?.[KEY], tags?.[PATH], tags?.[MADE]];
  if (tags?.[OWNER] !== owner || id === undefined || name === undefined) return undefined;
  if (key === undefined || path === undefined) return undefined;
  return { id, name, key, path, madeMs: Number(made ?? 0), profile };
}

/**
 * Also the first label below trafficmanager.net, which is everybody's: of the owner, what it is, and when, so that no two hubs want the same one,
 * and one that was deleted a moment ago is not wanted again. At most 63 characters.
 */
function nameOf(owner: string, key: string, path: string, madeMs: number): string {
  const digest = sha256Hex(`${owner} ${key} ${path}`).slice(0, 24);
  return `portolan-${digest}-${madeMs.toString(36)}`;
}

function contentOf(
  {
    method,
    ttlSeconds,
    monitor: { customHeaders, expectedStatusCodeRanges, ...probe },
    endpoints,
  }: ProfileNode,
  path: string,
  ids: ReadonlyMap<string, string>,
  relativeName: string,
): Profile {
  return {
    profileStatus: 'Enabled',
    trafficRoutingMethod: method,
    dnsConfig: { relativeName, ttl: ttlSeconds },
    monitorConfig: {
      ...probe,
      ...(customHeaders === undefined ? {} : { customHeaders: [...customHeaders] }),
      ...(expectedStatusCodeRanges === undefined
        ? {}
        : { expectedStatusCodeRanges: [...expectedStatusCodeRanges] }),
    },
    endpoints: endpoints.map((endpoint, at): Endpoint => {
      const { name, target, child, weight, priority, geoMapping, alwaysServe } = endpoint;
      return {
        name,
        endpointStatus: 'Enabled',
        ...(child === undefined
          ? { type: EXTERNAL, ...(target === undefined ? {} : { target }) }
          : {
              type: NESTED,
              targetResourceId: ids.get(`${path}.${at}`) ?? '',
              // One endpoint that is online is enough: below it the child answers with what it has.
              minChildEndpoints: 1,
            }),
        ...(weight === undefined ? {} : { weight }),
        ...(priority === undefined ? {} : { priority }),
        ...(geoMapping === undefined ? {} : { geoMapping: [...geoMapping] }),
        ...(alwaysServe === true ? { alwaysServe: 'Enabled' } : {}),
      };
    }),
  };
}

/** True when `found` is what `wanted` says; the service adds to it (weights where none count, states), which is no matter. */
function holds(found: Profile, wanted: Profile): boolean {
  const { endpoints = [], tags: _tags, ...rest } = wanted;
  if (!covers(found, rest) || found.endpoints?.length !== endpoints.length) return false;
  return endpoints.every((endpoint) => {
    const same = found.endpoints?.find((one) => one.name === endpoint.name);
    return same !== undefined && covers({ ...same, type: undefined }, { ...endpoint, type: undefined });
  });
}

function covers(found: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(found) &&
      found.length === wanted.length &&
      wanted.every((item: unknown, at) => covers(found[at], item))
    );
  }
  if (typeof wanted === 'object' && wanted !== null) {
    return Object.entries(wanted).every(([key, value]: [string, unknown]) =>
      covers(Reflect.get(Object(found), key), value),
    );
  }
  if (typeof wanted === 'string' && typeof found === 'string')
    return wanted.toLowerCase() === found.toLowerCase();
  return found === wanted;
}

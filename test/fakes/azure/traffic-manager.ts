import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { GEOGRAPHIC_CODES } from '../../../providers/azure/geography.ts';
import { tryParseName } from '../../../src/dns/name.ts';
import { ArmError, type ArmReply, bad } from './arm.ts';
import type { AliasRule } from './dns-zones.ts';
import { violations } from './schema.ts';

/**
 * Traffic Manager profiles, API version 2022-04-01. What is refused is what the documentation says:
 * https://learn.microsoft.com/azure/traffic-manager/traffic-manager-endpoint-types, …-nested-profiles, …-routing-methods, …-monitoring, …-FAQs.
 */

const endpoint = z.object({
  name: z.string(),
  type: z.string(),
  properties: z.object({
    target: z.string().optional(),
    targetResourceId: z.string().optional(),
    endpointStatus: z.enum(['Enabled', 'Disabled']).default('Enabled'),
    alwaysServe: z.enum(['Enabled', 'Disabled']).default('Disabled'),
    weight: z.number().int().min(1).max(1000).optional(),
    priority: z.number().int().min(1).max(1000).optional(),
    minChildEndpoints: z.number().int().min(1).optional(),
    minChildEndpointsIPv4: z.number().int().min(1).optional(),
    minChildEndpointsIPv6: z.number().int().min(1).optional(),
    geoMapping: z.array(z.string()).optional(),
    customHeaders: z
      .array(z.object({ name: z.string(), value: z.string() }))
      .max(8)
      .optional(),
  }),
});
export type StoredEndpoint = z.output<typeof endpoint>;

const profileBody = z.object({
  location: z.literal('global'),
  // "Tags: at most 50; names of at most 512 characters, values of at most 256"
  tags: z.record(z.string().max(512), z.string().max(256)).default({}),
  properties: z.object({
    profileStatus: z.enum(['Enabled', 'Disabled']).default('Enabled'),
    trafficRoutingMethod: z.enum([
      'Priority',
      'Weighted',
      'Geographic',
      'Performance',
      'MultiValue',
      'Subnet',
    ]),
    dnsConfig: z.object({
      relativeName: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i),
      ttl: z.number().int().min(0).max(2_147_483_647),
    }),
    monitorConfig: z.object({
      protocol: z.enum(['HTTP', 'HTTPS', 'TCP']),
      port: z.number().int().min(1).max(65_535),
      path: z.string().regex(/^\//).optional(),
      intervalInSeconds: z.union([z.literal(10), z.literal(30)]).default(30),
      timeoutInSeconds: z.number().int().default(9),
      toleratedNumberOfFailures: z.number().int().min(0).max(9).default(3),
      customHeaders: z
        .array(z.object({ name: z.string(), value: z.string() }))
        .max(8)
        .optional(),
      expectedStatusCodeRanges: z
        .array(z.object({ min: z.number(), max: z.number() }))
        .max(8)
        .optional(),
    }),
    endpoints: z.array(endpoint).max(200),
  }),
});
export type StoredProfile = z.output<typeof profileBody> & { readonly id: string; readonly name: string };

export interface TrafficManager {
  readonly profiles: Map<string, StoredProfile>;
  /** Addresses and names that the probes of Traffic Manager find down. */
  readonly down: Set<string>;
  /** How many profiles the subscription may have: "200", unless Azure raised it. */
  maxProfiles: number;
  answer(request: {
    readonly method: string;
    readonly parts: readonly string[];
    readonly json: () => unknown;
  }): ArmReply;
  readonly aliasRule: AliasRule;
  byId(id: string): StoredProfile | undefined;
}

/** "Nested profiles: up to 10 levels" */
const MAX_DEPTH = 10;
const MAX_ALIASES = 20;

export function createTrafficManager(options: {
  readonly prefix: string;
  readonly aliases: () => readonly { readonly name: string; readonly target: string }[];
}): TrafficManager {
  const profiles = new Map<string, StoredProfile>();
  const byId = (id: string): StoredProfile | undefined =>
    [...profiles.values()].find((profile) => profile.id.toLowerCase() === id.toLowerCase());

  const put = (name: string, body: unknown): ArmReply => {
    const wrong = violations('Profile', body);
    if (wrong.length > 0) bad(wrong.join('; '), 'InvalidRequestContent');
    const parsed = profileBody.safeParse(body);
    if (!parsed.success) bad(z.prettifyError(parsed.error));
    const profile: StoredProfile = {
      ...parsed.data,
      name,
      id: `${options.prefix}/trafficManagerProfiles/${name}`,
    };
    checkProfile(profile, byId);
    const { relativeName } = profile.properties.dnsConfig;
    const taken = [...profiles.values()].find(
      (other) =>
        other.name.toLowerCase() !== name.toLowerCase() &&
        other.properties.dnsConfig.relativeName === relativeName,
    );
    if (taken !== undefined) {
      throw new ArmError(
        409,
        'Conflict',
        `The domain name ${relativeName}.trafficmanager.net already exists.`,
      );
    }
    const existed = profiles.has(name.toLowerCase());
    if (!existed && profiles.size >= service.maxProfiles) {
      bad(`The subscription has ${service.maxProfiles} Traffic Manager profiles.`, 'QuotaExceeded');
    }
    profiles.set(name.toLowerCase(), profile);
    return { status: existed ? 200 : 201, body: asResource(profile) };
  };

  const remove = (name: string): ArmReply => {
    const profile = profiles.get(name.toLowerCase());
    if (profile === undefined) return { status: 204 };
    const parent = [...profiles.values()].find((other) =>
      other.properties.endpoints.some(
        (e) => e.properties.targetResourceId?.toLowerCase() === profile.id.toLowerCase(),
      ),
    );
    if (parent !== undefined) bad(`The profile ${name} is nested in ${parent.name} and cannot be deleted.`);
    const alias = options.aliases().find(({ target }) => target.toLowerCase() === profile.id.toLowerCase());
    if (alias !== undefined)
      bad(`The profile ${name} is the target of the alias ${alias.name} and cannot be deleted.`);
    profiles.delete(name.toLowerCase());
    return { status: 200, body: { operationResult: true } };
  };

  const service: TrafficManager = {
    profiles,
    down: new Set(),
    maxProfiles: 200,
    byId,
    answer({ method, parts, json }) {
      const [kind, name] = parts;
      if (kind?.toLowerCase() !== 'trafficmanagerprofiles')
        throw new ArmError(404, 'NotFound', 'no such resource type');
      if (name === undefined) return { status: 200, body: { value: [...profiles.values()].map(asResource) } };
      const found = profiles.get(name.toLowerCase());
      if (method === 'PUT') return put(name, json());
      if (method === 'DELETE') return remove(name);
      if (found === undefined)
        throw new ArmError(404, 'ResourceNotFound', `The profile ${name} was not found.`);
      return { status: 200, body: asResource(found) };
    },
    aliasRule(type, targetId) {
      const profile = byId(targetId);
      if (profile === undefined) bad(`The target resource ${targetId} does not exist.`, 'NotFound');
      // "There's a current limit of 20 alias record sets per resource."
      const leading = options
        .aliases()
        .filter(({ target }) => target.toLowerCase() === profile.id.toLowerCase());
      if (leading.length >= MAX_ALIASES)
        bad(`The profile ${profile.name} is the target of ${MAX_ALIASES} alias record sets.`);
      const fits = type === 'A' ? isIPv4 : type === 'AAAA' ? isIPv6 : (t: string) => !isIPv4(t) && !isIPv6(t);
      for (const target of leavesOf(profile, byId)) {
        if (!fits(target))
          bad(`An alias of type ${type} cannot lead to ${profile.name}, which has the endpoint ${target}.`);
      }
    },
  };
  return service;
}

/** Targets of the external endpoints of a profile and of those nested in it. */
export function leavesOf(profile: StoredProfile, byId: TrafficManager['byId']): readonly string[] {
  return profile.properties.endpoints.flatMap(({ properties }) => {
    if (properties.target !== undefined) return [properties.target];
    const child = properties.targetResourceId === undefined ? undefined : byId(properties.targetResourceId);
    return child === undefined ? [] : leavesOf(child, byId);
  });
}

function checkProfile(profile: StoredProfile, byId: TrafficManager['byId']): void {
  const { trafficRoutingMethod: method, endpoints, monitorConfig } = profile.properties;
  const { protocol, path, intervalInSeconds, timeoutInSeconds } = monitorConfig;
  if ((protocol === 'TCP') !== (path === undefined))
    bad('A path is given for HTTP and HTTPS, and not for TCP.');
  const longest = intervalInSeconds === 10 ? 9 : 10;
  if (timeoutInSeconds < 5 || timeoutInSeconds > longest)
    bad(`The timeout must be between 5 and ${longest} seconds.`);
  unique(
    endpoints.map((e) => e.name.toLowerCase()),
    'endpoint name',
  );
  unique(
    endpoints.map((e) => (e.properties.target ?? e.properties.targetResourceId ?? '').toLowerCase()),
    'target',
  );
  for (const one of endpoints) checkEndpoint(profile, one, byId);
  const addresses = leavesOf(profile, byId).map((t) => isIPv4(t) || isIPv6(t));
  if (new Set(addresses).size > 1)
    bad('External endpoints with addresses and with names cannot be mixed in a profile.');
  if (method === 'Priority') {
    const given = endpoints.flatMap((e) =>
      e.properties.priority === undefined ? [] : [e.properties.priority],
    );
    if (given.length > 0 && given.length !== endpoints.length)
      bad('A priority is given to all endpoints or to none.');
    unique(given.map(String), 'priority');
  }
  if (method === 'Geographic') {
    const codes = endpoints.flatMap((e) => e.properties.geoMapping ?? []);
    if (endpoints.some((e) => (e.properties.geoMapping ?? []).length === 0))
      bad('Each endpoint needs a region.');
    for (const code of codes) if (!GEOGRAPHIC_CODES.has(code)) bad(`The region ${code} is not known.`);
    unique(codes, 'region');
  }
  if (depthOf(profile, byId, new Set()) > MAX_DEPTH)
    bad(`Profiles are nested at most ${MAX_DEPTH} levels deep.`);
}

function checkEndpoint(profile: StoredProfile, one: StoredEndpoint, byId: TrafficManager['byId']): void {
  const { properties, name } = one;
  const kind = one.type.toLowerCase().replace('microsoft.network/trafficmanagerprofiles/', '');
  if (kind === 'externalendpoints') {
    const { target } = properties;
    if (target === undefined || properties.targetResourceId !== undefined)
      bad(`The external endpoint ${name} needs a target.`);
    if (properties.minChildEndpoints !== undefined) bad('minChildEndpoints is of nested endpoints only.');
    if (isIPv4(target) || isIPv6(target)) {
      if (isReserved(target))
        bad(`The address ${target} of the endpoint ${name} is reserved and cannot be probed.`);
    } else if (typeof tryParseName(target) !== 'string' || target.endsWith('.'))
      bad(`The target ${target} is not valid.`);
    return;
  }
  if (kind !== 'nestedendpoints') bad(`The endpoint type ${one.type} is not of this test server.`);
  if (properties.target !== undefined || properties.targetResourceId === undefined)
    bad(`The nested endpoint ${name} needs a target resource.`);
  if (properties.alwaysServe === 'Enabled') bad('Always Serve is of external and Azure endpoints only.');
  const child = byId(properties.targetResourceId);
  if (child === undefined)
    throw new ArmError(404, 'ResourceNotFound', `The profile ${properties.targetResourceId} was not found.`);
  if (child.id === profile.id) bad('A profile cannot be nested in itself.');
  const min = properties.minChildEndpoints;
  if (min === undefined) bad(`The nested endpoint ${name} needs minChildEndpoints.`);
  if (min > child.properties.endpoints.length) {
    bad(`minChildEndpoints is ${min}, but ${child.name} has ${child.properties.endpoints.length} endpoints.`);
  }
}

function depthOf(profile: StoredProfile, byId: TrafficManager['byId'], above: ReadonlySet<string>): number {
  if (above.has(profile.id)) return bad('Profiles are nested in a circle.');
  const below = profile.properties.endpoints.map(({ properties }) => {
    const child = properties.targetResourceId === undefined ? undefined : byId(properties.targetResourceId);
    return child === undefined ? 0 : depthOf(child, byId, new Set([...above, profile.id]));
  });
  return 1 + Math.max(0, ...below);
}

function unique(values: readonly string[], what: string): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) bad(`The ${what} ${twice} stands twice in the profile.`);
}

/** Private, loopback, link-local, documentation and multicast addresses cannot be reached by probes from outside. */
function isReserved(address: string): boolean {
  return isIPv4(address)
    ? /^(0|10|127|22[4-9]|23\d|24\d|25\d)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^169\.254\.|^192\.0\.[02]\.|^198\.51\.100\.|^203\.0\.113\.|^198\.1[89]\.|^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(
        address,
      )
    : /^(::|fc|fd|fe[89ab]|ff|2001:0?db8:)/i.test(address);
}

function asResource({ id, name, location, tags, properties }: StoredProfile): unknown {
  return {
    id,
    name,
    type: 'Microsoft.Network/trafficManagerProfiles',
    location,
    tags,
    properties: {
      ...properties,
      dnsConfig: { ...properties.dnsConfig, fqdn: `${properties.dnsConfig.relativeName}.trafficmanager.net` },
      endpoints: properties.endpoints.map((e) => ({
        id: `${id}/${e.type.split('/').at(-1)}/${e.name}`,
        ...e,
        type: `Microsoft.Network/trafficManagerProfiles/${e.type.split('/').at(-1)}`,
      })),
    },
  };
}

import type { Resource } from '../resources/catalogue.ts';
import type { GatewayRules } from '../resources/gateway-policy.ts';
import type { EffectiveRules, PolicyBlock } from './effective-policy.ts';
import type { CompiledEdge, CompiledRetry } from './model.ts';
import type { ResidencyRule, ResidencyWish } from './residency.ts';

/** What a GatewayPolicy says under one name: a scalar, a list of networks, or residency rules. */
export type EdgeItem = string | number | boolean | null | readonly string[] | readonly ResidencyWish[];

const blocks = new WeakMap<Resource<'GatewayPolicy'>, PolicyBlock<EdgeItem>>();

/** The rules of a GatewayPolicy under the names by which they merge. Remembered by the identity of the object. */
export function edgeBlock(policy: Resource<'GatewayPolicy'>): PolicyBlock<EdgeItem> {
  const known = blocks.get(policy);
  if (known !== undefined) return known;
  const { spec, metadata } = policy;
  const given = spec.overrides ?? spec.defaults ?? { strategy: 'atomic', rules: spec.rules ?? {} };
  const block: PolicyBlock<EdgeItem> = {
    source: { kind: 'GatewayPolicy', name: `${metadata.namespace}/${metadata.name}` },
    created: metadata.creationTimestamp,
    kind: spec.overrides === undefined ? 'defaults' : 'overrides',
    strategy: given.strategy,
    rules: items(given.rules),
  };
  blocks.set(policy, block);
  return block;
}

function items(rules: GatewayRules): ReadonlyMap<string, EdgeItem> {
  const found = new Map<string, EdgeItem>();
  for (const [name, value] of Object.entries(rules.responseHeaders ?? {})) {
    found.set(`responseHeaders.${name.toLowerCase()}`, value);
  }
  const groups = {
    limits: rules.limits,
    clientAddress: rules.clientAddress,
    path: rules.path,
    accessLog: rules.accessLog,
    residency: rules.residency,
    retryBudget: rules.retryBudget,
  };
  for (const [group, fields] of Object.entries(groups)) {
    for (const [name, value] of Object.entries(fields ?? {})) {
      if (value !== undefined) found.set(`${group}.${name}`, value);
    }
  }
  return found;
}

/** The effective values with the product's defaults under them. */
export class EdgeValues {
  readonly #rules: EffectiveRules<EdgeItem>;

  constructor(rules: EffectiveRules<EdgeItem> | undefined) {
    this.#rules = rules ?? new Map();
  }

  #number(name: string, fallback: number): number {
    const value = this.#rules.get(name)?.value;
    return typeof value === 'number' ? value : fallback;
  }

  #choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.#rules.get(name)?.value;
    return choices.find((choice) => choice === value) ?? fallback;
  }

  get residencyFromTrafficPolicies(): boolean {
    return this.#rules.get('residency.fromTrafficPolicies')?.value !== false;
  }

  get residencyWishes(): readonly ResidencyWish[] {
    const value = this.#rules.get('residency.rules')?.value;
    return Array.isArray(value) ? value.filter(isWish) : NO_WISHES;
  }

  get retryBudget(): CompiledRetry['budget'] {
    return {
      percent: this.#number('retryBudget.percent', 20),
      intervalMs: this.#number('retryBudget.intervalMs', 10_000),
      minPerSecond: this.#number('retryBudget.minPerSecond', 10),
    };
  }

  edge(residency: readonly ResidencyRule[]): CompiledEdge {
    const trusted = this.#rules.get('clientAddress.trustedProxies')?.value;
    return {
      responseHeaders: this.#responseHeaders(),
      limits: {
        maxBodyBytes: this.#number('limits.maxBodyBytes', 10_485_760),
        maxHeaderBytes: this.#number('limits.maxHeaderBytes', 32_768),
        headerTimeoutMs: this.#number('limits.headerTimeoutMs', 10_000),
        bodyIdleTimeoutMs: this.#number('limits.bodyIdleTimeoutMs', 30_000),
        keepAliveTimeoutMs: this.#number('limits.keepAliveTimeoutMs', 60_000),
        maxConnections: this.#number('limits.maxConnections', 10_000),
        maxConcurrentStreams: this.#number('limits.maxConcurrentStreams', 100),
      },
      clientAddress: {
        proxyProtocol: this.#choice('clientAddress.proxyProtocol', ['off', 'accept', 'require'], 'off'),
        trustedProxies: Array.isArray(trusted)
          ? trusted.filter((block) => typeof block === 'string').sort()
          : [],
      },
      path: { doubtful: this.#choice('path.doubtful', ['refuse', 'keep'], 'refuse') },
      accessLog: { format: this.#choice('accessLog.format', ['json', 'common', 'off'], 'json') },
      ...(residency.length === 0 ? {} : { residency: { rules: residency } }),
    };
  }

  #responseHeaders(): CompiledEdge['responseHeaders'] {
    const headers: [string, string | null][] = [];
    const prefix = 'responseHeaders.';
    for (const [name, { value }] of this.#rules) {
      if (!name.startsWith(prefix)) continue;
      if (value === null || typeof value === 'string') headers.push([name.slice(prefix.length), value]);
    }
    return Object.fromEntries(headers.sort((a, b) => (a[0] < b[0] ? -1 : 1)));
  }
}

const NO_WISHES: readonly ResidencyWish[] = [];

function isWish(value: unknown): value is ResidencyWish {
  return typeof value === 'object' && value !== null && 'region' in value;
}

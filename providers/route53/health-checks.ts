import { hash } from 'node:crypto';
import type { HealthCheck, HealthCheckConfig } from '@aws-sdk/client-route-53';
import { z } from 'zod';
import type { AidSpec } from '../../src/plan/aid.ts';
import { type Aids, ProviderError, type ProviderOptions } from '../contract.ts';
import type { Route53Api } from './client.ts';

/**
 * Health checks of the account that are ours. Which they are stands in their CallerReference, which cannot be changed later and comes with every
 * listing: `portolan:<owner>:<key>:<made>`. So one is found again even if the hub died before it was tagged. It ends with the moment it was made,
 * because a reference must never be used again ("HealthCheckAlreadyExists", also after the check was deleted), and because nothing else tells its age.
 * Tags say the same to people.
 */

/** Younger ones are not collected: records that name them may be on their way. */
const MIN_AGE_MS = 60_000;
/** ListHealthChecks: 100 a page; an account has 200 unless it asked for more. */
const MOST_PAGES = 1_000;

/** What `compile` makes; the API takes it as it is. */
const config = z.strictObject({
  Type: z.enum(['HTTP', 'HTTPS', 'HTTP_STR_MATCH', 'HTTPS_STR_MATCH', 'TCP']),
  IPAddress: z.string().optional(),
  FullyQualifiedDomainName: z.string().optional(),
  Port: z.number(),
  ResourcePath: z.string().optional(),
  SearchString: z.string().optional(),
  RequestInterval: z.number(),
  FailureThreshold: z.number(),
  EnableSNI: z.boolean().optional(),
});

interface Ours {
  readonly id: string;
  readonly key: string;
  readonly madeMs: number;
}

export function healthChecks(api: Route53Api, options: ProviderOptions): Aids {
  const { clock, owner, name } = options;
  const ownerId = hash('sha256', owner, 'hex').slice(0, 16);
  // Zones of one account ask at the same time: a check is made once.
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  }

  async function list(signal: AbortSignal): Promise<readonly Ours[]> {
    const found: Ours[] = [];
    let marker: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const answer = await api.listHealthChecks(marker, signal);
      for (const check of answer.HealthChecks ?? []) {
        const ours = read(check, ownerId);
        if (ours !== undefined) found.push(ours);
      }
      if (answer.IsTruncated !== true)
        return found.sort((a, b) => a.madeMs - b.madeMs || (a.id < b.id ? -1 : 1));
      if (answer.NextMarker === undefined || answer.NextMarker === marker) break;
      marker = answer.NextMarker;
    }
    throw new ProviderError(
      'transient',
      'ListHealthChecks says that there is more and gives the same page again',
    );
  }

  async function create(spec: AidSpec, signal: AbortSignal): Promise<string> {
    const HealthCheckConfig: HealthCheckConfig = config.parse(spec.spec);
    const made = clock.wallMs().toString(36);
    const { HealthCheck } = await api.createHealthCheck(
      { CallerReference: `portolan:${ownerId}:${spec.key}:${made}`, HealthCheckConfig },
      signal,
    );
    const id = HealthCheck?.Id;
    if (id === undefined) throw new ProviderError('ambiguous', 'CreateHealthCheck gave no id');
    await api.tagHealthCheck(
      {
        ResourceType: 'healthcheck',
        ResourceId: id,
        AddTags: [
          // The console shows this one as the name. A value has at most 256 characters.
          { Key: 'Name', Value: `portolan ${targetOf(HealthCheckConfig)}`.slice(0, 256) },
          { Key: 'portolan/owner', Value: owner },
          { Key: 'portolan/key', Value: spec.key },
          { Key: 'portolan/provider', Value: name },
        ],
      },
      signal,
    );
    return id;
  }

  /** @returns false when somebody else was faster */
  async function remove(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      await api.deleteHealthCheck(id, signal);
      return true;
    } catch (thrown) {
      if (thrown instanceof ProviderError && thrown.failure === 'conflict') return false;
      throw thrown;
    }
  }

  return {
    ensure: (specs, signal) =>
      inTurn(async () => {
        const ids = new Map<string, string>();
        if (specs.length === 0) return ids;
        const there = await list(signal);
        for (const spec of specs) {
          if (ids.has(spec.key)) continue;
          const known = there.find(({ key }) => key === spec.key);
          ids.set(spec.key, known?.id ?? (await create(spec, signal)));
        }
        return ids;
      }),
    collect: (keep, signal) =>
      inTurn(async () => {
        let deleted = 0;
        for (const { id, key, madeMs } of await list(signal)) {
          if (keep.has(key) || clock.wallMs() - madeMs < MIN_AGE_MS) continue;
          deleted += (await remove(id, signal)) ? 1 : 0;
        }
        return deleted;
      }),
  };
}

function read({ Id, CallerReference }: HealthCheck, ownerId: string): Ours | undefined {
  const match = /^portolan:([0-9a-f]{16}):([0-9a-f]+):([0-9a-z]+)$/.exec(CallerReference ?? '');
  const [, by, key, made] = match ?? [];
  if (Id === undefined || by !== ownerId || key === undefined || made === undefined) return undefined;
  return { id: Id, key, madeMs: Number.parseInt(made, 36) };
}

function targetOf({ Type, IPAddress, FullyQualifiedDomainName, Port }: HealthCheckConfig): string {
  return `${Type ?? ''} ${IPAddress ?? FullyQualifiedDomainName ?? ''}:${Port ?? ''}`;
}

import { create } from '@bufbuild/protobuf';
import { HeaderValueSchema } from '../../src/protocol/envoy/generated/envoy/config/core/v3/base_pb.js';
import type { RateLimitDescriptor } from '../../src/protocol/envoy/generated/envoy/extensions/common/ratelimit/v3/ratelimit_pb.js';
import {
  type RateLimitRequest,
  type RateLimitResponse,
  RateLimitResponse_Code,
  RateLimitResponse_DescriptorStatusSchema,
  RateLimitResponseSchema,
} from '../../src/protocol/envoy/generated/envoy/service/ratelimit/v3/rls_pb.js';
import type { QuotaAnswer, QuotaQuestion } from './quota-desk.ts';

/** What a table of tokens takes at once. */
const MAX_HITS = 1_000_000;

/**
 * A request of Envoy's `rate_limit` filter (envoy.service.ratelimit.v3), or of Kuadrant's wasm-shim, which says the same. A descriptor's
 * own `limit` is not looked at: limits are those of the policy. One that would give hits back counts as none.
 * @returns undefined when it names no domain
 */
export function fromRateLimitRequest(request: RateLimitRequest): QuotaQuestion | undefined {
  if (request.domain === '') return undefined;
  return {
    domain: request.domain,
    descriptors: request.descriptors.map(entriesOf),
    hits: hitsOf(request),
  };
}

function entriesOf({ entries }: RateLimitDescriptor): Readonly<Record<string, string>> {
  const map = Object.setPrototypeOf({}, null) as Record<string, string>;
  for (const { key, value } of entries) map[key] = value;
  return map;
}

/** The largest that a descriptor says of itself, else that of the request; absent: 1. */
function hitsOf({ descriptors, hitsAddend }: RateLimitRequest): number {
  let own = -1;
  for (const descriptor of descriptors) {
    if (descriptor.hitsAddend === undefined) continue;
    own = Math.max(own, descriptor.isNegativeHits ? 0 : Number(descriptor.hitsAddend));
  }
  return Math.min(MAX_HITS, own >= 0 ? own : Math.max(1, hitsAddend));
}

/** One verdict for all descriptors: a policy looks at them together. Envoy puts the fields into the client's answer, whatever it is. */
export function toRateLimitResponse(
  answer: Exclude<QuotaAnswer, { readonly outcome: 'unready' }>,
  descriptors: number,
): RateLimitResponse {
  const code = answer.outcome === 'admitted' ? RateLimitResponse_Code.OK : RateLimitResponse_Code.OVER_LIMIT;
  const response = create(RateLimitResponseSchema, { overallCode: code });
  for (let at = 0; at < descriptors; at += 1) {
    response.statuses.push(create(RateLimitResponse_DescriptorStatusSchema, { code }));
  }
  const { fields } = answer;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    response.responseHeadersToAdd.push(
      create(HeaderValueSchema, { key: fields[at] ?? '', value: fields[at + 1] ?? '' }),
    );
  }
  return response;
}

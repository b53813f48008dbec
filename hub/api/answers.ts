import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { countryCode, domainName } from '../../src/resources/fields.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { may } from './permissions.ts';
import { resolveResult } from './schemas.ts';
import type { ResolveQuestion } from './services.ts';

const address = z
  .string()
  .max(64)
  .refine((text) => ipaddr.isValid(text), 'must be an IPv4 or IPv6 address');

const resolveQuery = z.strictObject({
  hostname: domainName,
  type: z
    .string()
    .regex(/^[A-Z][A-Z0-9]{0,15}$/, 'a record type in upper case, such as A')
    .default('A'),
  /** Address of the client the answer is for. */
  client: address.optional(),
  /** Country of the client, when no address is given. */
  from: countryCode.optional(),
});

export const ANSWER_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'resolve',
    method: 'GET',
    path: '/v1/resolve',
    tag: 'answers',
    summary:
      'What a client would be answered now, why, and for how long. Decided by the code that answers DNS.',
    access: { kind: 'somewhere', action: 'resolve' },
    query: resolveQuery,
    replies: { 200: { description: 'the answer with its explanation', schema: resolveResult } },
    handle: async ({ query, principal }, { services }) => {
      const result = await services.resolve({
        hostname: query.hostname,
        type: query.type,
        from: originOf(query),
      });
      // The answer itself is public DNS; why it is so belongs to the namespace it comes from.
      if (result.namespace !== undefined && !may(principal.bindings, 'resolve', result.namespace)) {
        throw new PortolanError(
          'FORBIDDEN',
          `${query.hostname} is answered by a namespace this token has no role in`,
        );
      }
      return { status: 200, json: result };
    },
  }),
];

function originOf(query: z.output<typeof resolveQuery>): ResolveQuestion['from'] {
  if (query.client !== undefined && query.from !== undefined) {
    const violation = {
      path: 'from',
      code: 'VALIDATION_FAILED',
      message: 'cannot stand beside client',
      fix: 'Give one of client and from.',
    } as const;
    throw new PortolanError('VALIDATION_FAILED', 'client and from exclude each other', {
      violations: [violation],
      fix: violation.fix,
    });
  }
  if (query.client !== undefined) return { kind: 'client', address: ipaddr.parse(query.client).toString() };
  return query.from === undefined ? { kind: 'unknown' } : { kind: 'country', country: query.from };
}

import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { Key } from '../store/contract.ts';
import { type ApiContext, type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { changeContext, writeQuery } from './objects.ts';
import { ALL_NAMESPACES } from './permissions.ts';
import { demand, type Principal } from './principal.ts';
import { zoneDnssecAction } from './schemas.ts';
import type { ChangeContext } from './services.ts';

const base = '/v1/zones/{namespace}/{name}/dnssec';
const rollBody = z
  .strictObject({
    /** `zsk`: the key that signs answers; `ksk`: the key that the parent's DS names. */
    role: z.enum(['ksk', 'zsk']),
  })
  .meta({ id: 'ZoneKeyRollInput' });

/** What a person does to the keys of a signed zone; how they stand is `status.dnssec` of the Zone. */
export const ZONE_DNSSEC_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'rollZoneKey',
    method: 'POST',
    path: `${base}/roll`,
    tag: 'zones',
    summary: 'Begin to replace a key of a signed zone; the rest goes by itself.',
    access: { kind: 'namespace', action: 'zone.dnssec' },
    query: writeQuery,
    body: jsonBody(rollBody),
    replies: { 200: { description: 'what was begun', schema: zoneDnssecAction } },
    handle: (request, context) =>
      act(request, context, (key, change) => context.services.rollZoneKey(key, request.body.role, change)),
  }),
  endpoint({
    id: 'confirmZoneDs',
    method: 'POST',
    path: `${base}/confirm-ds`,
    tag: 'zones',
    summary:
      'Say that every server of the parent has the DS that is waited for (of a zone that is being unsigned: that none has one).',
    access: { kind: 'namespace', action: 'zone.dnssec' },
    query: writeQuery,
    replies: { 200: { description: 'what is taken for granted now', schema: zoneDnssecAction } },
    handle: (request, context) =>
      act(request, context, (key, change) => context.services.confirmZoneDs(key, change)),
  }),
  endpoint({
    id: 'continueZoneRoll',
    method: 'POST',
    path: `${base}/continue`,
    tag: 'zones',
    summary:
      'Go on without name servers that were waited for over seven days. Takes force, the admin role and a reason.',
    access: { kind: 'namespace', action: 'zone.dnssec' },
    query: writeQuery,
    replies: { 200: { description: 'who is left behind', schema: zoneDnssecAction } },
    handle: (request, context) =>
      act(request, context, (key, change) => {
        if (!change.force) {
          throw new PortolanError('USAGE', 'going on without a name server has to be forced', {
            fix: 'Add --force and --reason: answers of that server may be bogus until it is back.',
          });
        }
        return context.services.continueZoneRoll(key, change);
      }),
  }),
];

interface ActRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: z.output<typeof writeQuery>;
  readonly principal: Principal;
  readonly actor: ChangeContext['actor'];
}

async function act(
  request: ActRequest,
  context: ApiContext,
  work: (key: Key<'Zone'>, change: ChangeContext) => Promise<{ zone: string; message: string }>,
) {
  const { namespace = '', name = '' } = request.params;
  const change = changeContext(request.query, request.actor);
  if (change.force) demand(request.principal, 'force', namespace === '' ? ALL_NAMESPACES : namespace);
  const json = await context.lane.run(() => work({ kind: 'Zone', namespace, name }, change));
  return { status: 200, json };
}

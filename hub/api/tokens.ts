import { PortolanError } from '../../src/errors/error.ts';
import { newApiToken } from '../../src/identity/api-token.ts';
import type { TokenRecord } from '../store/contract.ts';
import { type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { may } from './permissions.ts';
import { demand, type Principal } from './principal.ts';
import { tokenCreated, tokenInput, tokenList, whoami } from './schemas.ts';

/** Tokens: an admin manages those that reach no further than they do. */
export const TOKEN_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'createToken',
    method: 'POST',
    path: '/v1/tokens',
    tag: 'tokens',
    summary:
      'Create a token. Its text is in this answer and nowhere else. Takes the admin role in every namespace it is bound to.',
    access: { kind: 'somewhere', action: 'token.manage' },
    body: jsonBody(tokenInput),
    replies: { 201: { description: 'the token', schema: tokenCreated } },
    handle: async ({ body, principal, actor }, { store, clock, randomBytes }) => {
      for (const binding of body.bindings) demand(principal, 'token.manage', binding.namespace);
      if (body.expiresAt !== undefined && Date.parse(body.expiresAt) <= clock.nowMs()) {
        const violation = {
          path: 'expiresAt',
          code: 'VALIDATION_FAILED',
          message: "lies in the past by the hub's clock",
          fix: 'Give a later time.',
        } as const;
        throw new PortolanError('VALIDATION_FAILED', `expiresAt ${violation.message}`, {
          violations: [violation],
          fix: violation.fix,
        });
      }
      const { id, secretSha256, text } = newApiToken(randomBytes);
      const { display, bindings, expiresAt } = body;
      const record = await store.createToken(
        { id, display, bindings, secretSha256, ...(expiresAt === undefined ? {} : { expiresAt }) },
        actor,
      );
      return { status: 201, json: { ...shown(record), token: text } };
    },
  }),
  endpoint({
    id: 'listTokens',
    method: 'GET',
    path: '/v1/tokens',
    tag: 'tokens',
    summary: 'List the tokens the caller may manage, without their secrets.',
    access: { kind: 'somewhere', action: 'token.manage' },
    replies: { 200: { description: 'the tokens', schema: tokenList } },
    handle: async ({ principal }, { store }) => {
      const items = (await store.listTokens()).filter((record) => manages(principal, record)).map(shown);
      return { status: 200, json: { items } };
    },
  }),
  endpoint({
    id: 'revokeToken',
    method: 'DELETE',
    path: '/v1/tokens/{id}',
    tag: 'tokens',
    summary: 'Revoke a token. Requests with it are refused from now on; open watches end within a heartbeat.',
    access: { kind: 'somewhere', action: 'token.manage' },
    replies: { 204: { description: 'revoked' } },
    handle: async ({ params, principal, actor }, { store }) => {
      const record = (await store.listTokens()).find((t) => t.id === params.id);
      // A token out of the caller's reach looks like none, so ids cannot be probed.
      if (record === undefined || !manages(principal, record))
        throw new PortolanError('NOT_FOUND', 'no such token', {
          fix: 'List the tokens with `portolan token list`.',
        });
      await store.revokeToken(record.id, actor);
      return { status: 204 };
    },
  }),
  endpoint({
    id: 'whoAmI',
    method: 'GET',
    path: '/v1/whoami',
    tag: 'tokens',
    summary: 'Who the token says the caller is.',
    access: { kind: 'authenticated' },
    replies: { 200: { description: 'the token without its secret', schema: whoami } },
    handle: async ({ principal: { tokenId, display, bindings, expiresAt } }) => ({
      status: 200,
      json: { tokenId, display, bindings, ...(expiresAt === undefined ? {} : { expiresAt }) },
    }),
  }),
];

function manages(principal: Principal, record: TokenRecord): boolean {
  return record.bindings.every((b) => may(principal.bindings, 'token.manage', b.namespace));
}

/** Only the record's own members leave, whatever the store's object carries. */
function shown({ id, display, bindings, createdAt, expiresAt, lastUsedAt }: TokenRecord): TokenRecord {
  return {
    id,
    display,
    bindings,
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  };
}

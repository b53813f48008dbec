import { PortolanError } from '../../src/errors/error.ts';
import { parseApiToken } from '../../src/identity/api-token.ts';
import type { Actor, RoleBinding, Store } from '../store/contract.ts';
import { type Action, ALL_NAMESPACES, may, maySomewhere, PERMISSIONS } from './permissions.ts';

/** Who a request comes from. */
export interface Principal {
  /** Empty for a public request without a token. */
  readonly tokenId: string;
  readonly display: string;
  readonly bindings: readonly RoleBinding[];
  /** RFC 3339; absent when the token does not expire. */
  readonly expiresAt?: string;
  /** Client address as the socket has it. */
  readonly address?: string;
  /** To check again later, on a long stream, that the token still stands. */
  readonly stillValid: () => Promise<boolean>;
}

export const ANONYMOUS: Principal = {
  tokenId: '',
  display: 'anonymous',
  bindings: [],
  stillValid: async () => true,
};

/**
 * Reads `Authorization: Bearer ptk1.…`.
 * @throws PortolanError UNAUTHENTICATED, always with the same message: it must not tell what was wrong
 */
export async function authenticate(
  header: string | undefined,
  address: string | undefined,
  store: Store,
): Promise<Principal> {
  const text = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  const token = text === undefined ? undefined : parseApiToken(text);
  const record =
    token === undefined ? undefined : await store.authenticateToken(token.id, token.secretSha256);
  if (token === undefined || record === undefined) {
    throw new PortolanError('UNAUTHENTICATED', 'no valid token came with the request');
  }
  return {
    tokenId: record.id,
    display: record.display,
    bindings: record.bindings,
    ...(record.expiresAt === undefined ? {} : { expiresAt: record.expiresAt }),
    ...(address === undefined ? {} : { address }),
    stillValid: async () => (await store.authenticateToken(token.id, token.secretSha256)) !== undefined,
  };
}

export function actorOf(principal: Principal): Actor {
  return {
    id: `token/${principal.tokenId}`,
    display: principal.display,
    ...(principal.address === undefined ? {} : { address: principal.address }),
  };
}

/** @throws PortolanError FORBIDDEN */
export function demand(principal: Principal, action: Action, namespace: string): void {
  if (!may(principal.bindings, action, namespace)) throw forbidden(principal, action, namespace);
}

/** @throws PortolanError FORBIDDEN */
export function demandSomewhere(principal: Principal, action: Action): void {
  if (!maySomewhere(principal.bindings, action)) throw forbidden(principal, action, 'any namespace');
}

function forbidden(principal: Principal, action: Action, namespace: string): PortolanError {
  const roles = PERMISSIONS[action].join(' or ');
  const where =
    namespace === ALL_NAMESPACES
      ? 'all namespaces'
      : namespace === 'any namespace'
        ? namespace
        : `namespace "${namespace}"`;
  return new PortolanError(
    'FORBIDDEN',
    `token "${principal.display}" may not do ${action} in ${where}; that takes the role ${roles}`,
  );
}

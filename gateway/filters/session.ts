import type { CompiledSessionPersistence } from '../../src/policy/model.ts';
import { cookieOf, DOUBTFUL } from '../auth/credentials.ts';
import { fieldOf, type GatewayRequest } from '../request.ts';

/** The session a client brought. */
export function sessionOf(
  persistence: CompiledSessionPersistence,
  request: GatewayRequest,
): string | undefined {
  if (persistence.type === 'header') return fieldOf(request.fields, persistence.name.toLowerCase());
  const cookie = cookieOf(request.fields, persistence.name);
  return cookie === DOUBTFUL ? undefined : cookie;
}

/** Field that gives the client its session (GEP-1619; RFC 6265 §4.1). */
export function sessionField(
  persistence: CompiledSessionPersistence,
  value: string,
  secure: boolean,
): readonly [name: string, value: string] {
  if (persistence.type === 'header') return [persistence.name.toLowerCase(), value];
  const age =
    persistence.lifetime === 'permanent' && persistence.absoluteTimeoutMs !== undefined
      ? `; Max-Age=${Math.ceil(persistence.absoluteTimeoutMs / 1000)}`
      : '';
  return [
    'set-cookie',
    `${persistence.name}=${value}; Path=/${age}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  ];
}

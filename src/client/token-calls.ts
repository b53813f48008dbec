import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type RoleBinding = Schemas['RoleBinding'];
export type Token = Schemas['Token'];
export type TokenCreated = Schemas['TokenCreated'];

/** Tokens of people and programs that use this API. */
export interface TokenCalls {
  createToken(token: {
    readonly display: string;
    readonly bindings: readonly RoleBinding[];
    readonly expiresAt?: string;
  }): Promise<TokenCreated>;
  listTokens(): Promise<readonly Token[]>;
  revokeToken(id: string): Promise<void>;
}

export function tokenCalls({ raw, answer }: Connection): TokenCalls {
  return {
    createToken: async ({ display, bindings, expiresAt }) =>
      answer(
        await raw.POST('/v1/tokens', {
          body: { display, bindings: [...bindings], ...(expiresAt === undefined ? {} : { expiresAt }) },
        }),
      ),
    listTokens: async () => answer(await raw.GET('/v1/tokens')).items,
    revokeToken: async (id) => {
      await raw.DELETE('/v1/tokens/{id}', { params: { path: { id } } });
    },
  };
}

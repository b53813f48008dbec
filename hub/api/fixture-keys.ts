import type { ApiKey, KeyServices } from './key-services.ts';

/** Keys of a hub that has one in every namespace. */
export function idleKeyServices(): KeyServices {
  const one = (namespace: string): ApiKey => ({
    id: 'k-aaaaaaaaaa',
    namespace,
    principal: 'partner',
    roles: [],
    labels: {},
    attributes: {},
    state: 'active',
    createdAt: '2030-01-01T00:00:00.000Z',
  });
  return {
    create: async (namespace) => ({ ...one(namespace), key: 'ptk_test' }),
    import: async () => ({ ids: ['k-aaaaaaaaaa'], warnings: [] }),
    list: async ({ namespaces }) => (namespaces ?? ['default']).map(one),
    describe: async (namespace) => ({ ...one(namespace), clusters: [] }),
    rotate: async (namespace) => ({ ...one(namespace), key: 'ptk_test' }),
    revoke: async (namespace) => ({ ...one(namespace), state: 'revoked' }),
    delete: async (namespace) => ({ ...one(namespace), state: 'revoked' }),
  };
}

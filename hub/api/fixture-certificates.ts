import type { CertificateDetail, CertificateServices, CertificateTrial } from './certificate-services.ts';

/** Certificates of a hub that has one in every namespace, in order. */
export function idleCertificateServices(): CertificateServices {
  const one = (namespace: string): CertificateDetail => ({
    id: 'cert-0a1b2c3d',
    namespace,
    policy: 'shop',
    dnsNames: ['shop.example.com'],
    state: 'valid',
    issuer: 'letsencrypt',
    key: { algorithm: 'ECDSA-P256', location: 'hub', reuse: false },
    serial: '04A1',
    sha256: 'ab'.repeat(32),
    notBefore: '2030-01-01T00:00:00.000Z',
    notAfter: '2030-02-15T00:00:00.000Z',
    renewAt: '2030-01-30T00:00:00.000Z',
    clusters: [{ name: 'team/paris', delivered: true, served: 'yes' }],
    chain: [],
    renewal: { at: '2030-01-30T00:00:00.000Z', why: '33 % of its life is left then' },
    forecast: [],
  });
  const trial: CertificateTrial = {
    policy: 'shop',
    issuer: 'letsencrypt',
    directory: 'https://staging.example/directory',
    state: 'passed',
    dnsNames: ['shop.example.com'],
    startedAt: '2030-01-01T00:00:00.000Z',
    finishedAt: '2030-01-01T00:00:05.000Z',
    steps: [{ at: '2030-01-01T00:00:01.000Z', text: 'an order' }],
  };
  const renewal = async (namespace: string) => ({
    certificate: one(namespace),
    message: 'orders another one',
    warnings: [],
  });
  return {
    list: async ({ namespaces }) => (namespaces ?? ['team']).map(one),
    describe: async (namespace) => one(namespace),
    history: async (_, id) => ({ id, items: [] }),
    chain: async () => 'PEM',
    renew: renewal,
    revoke: renewal,
    try: async () => trial,
    trial: async () => trial,
  };
}

import type { Connection } from './connection.ts';
import type { components, operations } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type Certificate = Schemas['Certificate'];
export type CertificateDetail = Schemas['CertificateDetail'];
export type CertificateHistory = Schemas['CertificateHistory'];
export type CertificateRenewal = Schemas['CertificateRenewal'];
export type CertificateTrial = Schemas['CertificateTrial'];

/** Certificates, and trials of the policies they come from. */
export interface CertificateCalls {
  listCertificates(
    query: NonNullable<operations['listCertificates']['parameters']['query']>,
  ): Promise<readonly Certificate[]>;
  describeCertificate(namespace: string, id: string): Promise<CertificateDetail>;
  /** Newest first. */
  certificateHistory(namespace: string, id: string): Promise<CertificateHistory>;
  /** PEM, leaf first. */
  certificateChain(namespace: string, id: string): Promise<string>;
  /** Another one, now. */
  renewCertificate(
    namespace: string,
    id: string,
    request: {
      readonly dryRun?: boolean;
      readonly force?: boolean;
      readonly reason?: string;
    },
  ): Promise<CertificateRenewal>;
  revokeCertificate(
    namespace: string,
    id: string,
    request: {
      readonly reason: NonNullable<Schemas['CertificateDetail']['revocation']>['reason'];
      readonly dryRun?: boolean;
      readonly force?: boolean;
    },
  ): Promise<CertificateRenewal>;
  /** Begins a trial at the Issuer's staging directory, or finds the one under way. */
  tryCertificatePolicy(
    namespace: string,
    name: string,
    request: { readonly issuer?: string },
  ): Promise<CertificateTrial>;
  certificateTrial(namespace: string, name: string): Promise<CertificateTrial>;
}

export function certificateCalls({ raw, answer }: Connection): CertificateCalls {
  return {
    listCertificates: async (query) => answer(await raw.GET('/v1/certificates', { params: { query } })).items,
    describeCertificate: async (namespace, id) =>
      answer(
        await raw.GET('/v1/namespaces/{namespace}/certificates/{id}', {
          params: { path: { namespace, id } },
        }),
      ),
    certificateHistory: async (namespace, id) =>
      answer(
        await raw.GET('/v1/namespaces/{namespace}/certificates/{id}/history', {
          params: { path: { namespace, id } },
        }),
      ),
    certificateChain: async (namespace, id) =>
      answer(
        await raw.GET('/v1/namespaces/{namespace}/certificates/{id}/chain', {
          params: { path: { namespace, id } },
        }),
      ).certificatePem,
    renewCertificate: async (namespace, id, body) =>
      answer(
        await raw.POST('/v1/namespaces/{namespace}/certificates/{id}/renew', {
          params: { path: { namespace, id } },
          body,
        }),
      ),
    revokeCertificate: async (namespace, id, body) =>
      answer(
        await raw.POST('/v1/namespaces/{namespace}/certificates/{id}/revoke', {
          params: { path: { namespace, id } },
          body,
        }),
      ),
    tryCertificatePolicy: async (namespace, name, body) =>
      answer(
        await raw.POST('/v1/namespaces/{namespace}/certificatepolicies/{name}/try', {
          params: { path: { namespace, name } },
          body,
        }),
      ),
    certificateTrial: async (namespace, name) =>
      answer(
        await raw.GET('/v1/namespaces/{namespace}/certificatepolicies/{name}/try', {
          params: { path: { namespace, name } },
        }),
      ),
  };
}

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { KubeClient, KubeResource } from '../../kube/contract.ts';
import { testAuthority } from './certificates.ts';

const review = z.looseObject({ request: z.object({ uid: z.string(), name: z.string().default('') }) });

export const WEBHOOK_CONFIGURATIONS: KubeResource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
};

/** What the webhook does with a request: lets it pass, refuses it, or never answers. */
export type WebhookMood = 'allow' | 'deny' | 'hang';

/** An admission webhook on loopback, asked before updates of one subresource of the Gateway API; `failurePolicy: Fail`. */
export interface AdmissionWebhook extends AsyncDisposable {
  mood: WebhookMood;
  /** Requests since the start. */
  readonly asked: number;
}

export async function startAdmissionWebhook(
  admin: KubeClient,
  name: string,
  subresource: string,
): Promise<AdmissionWebhook> {
  const authority = await testAuthority('webhooks');
  const { certificatePem, keyPem } = await authority.issue({ ips: ['127.0.0.1'] });
  let asked = 0;
  const webhook = { mood: 'allow' as WebhookMood };
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    asked += 1;
    const { mood } = webhook;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (mood === 'hang') return;
      const found = review.parse(JSON.parse(Buffer.concat(chunks).toString()));
      const { uid, name: object } = found.request;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: {
            uid,
            allowed: mood === 'allow',
            ...(mood === 'deny' && { status: { code: 403, message: `nobody touches ${object}` } }),
          },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await admin.apply(
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: WEBHOOK_CONFIGURATIONS.kind,
      metadata: { name },
      webhooks: [
        {
          name,
          clientConfig: {
            url: `https://127.0.0.1:${port}/`,
            caBundle: Buffer.from(authority.certificatePem).toString('base64'),
          },
          rules: [
            {
              apiGroups: ['gateway.networking.k8s.io'],
              apiVersions: ['v1'],
              operations: ['UPDATE'],
              resources: [subresource],
            },
          ],
          failurePolicy: 'Fail',
          sideEffects: 'None',
          timeoutSeconds: 1,
          admissionReviewVersions: ['v1'],
        },
      ],
    },
    WEBHOOK_CONFIGURATIONS,
    { fieldManager: 'portolan-tests', force: true },
  );
  return {
    get mood() {
      return webhook.mood;
    },
    set mood(mood) {
      webhook.mood = mood;
    },
    get asked() {
      return asked;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

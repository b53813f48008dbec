import { existsSync } from 'node:fs';
import type { ControlKubernetes, ControlKubernetesOptions } from './control-kubernetes.ts';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** The Kubernetes side of the control process, loaded only where the configuration asks for it; undefined: it does not. */
export async function kubernetesPart(
  options: ControlKubernetesOptions,
): Promise<ControlKubernetes | undefined> {
  const { settings, environment, log } = options;
  if (settings.enabled) {
    const { startControlKubernetes } = await import('./control-kubernetes.ts');
    return startControlKubernetes(options);
  }
  if ((environment.KUBERNETES_SERVICE_HOST ?? '') !== '' && existsSync(SERVICE_ACCOUNT_TOKEN))
    log.info(
      {},
      'this is a pod: with `kubernetes: {enabled: true}` in its configuration the agent serves the Gateways of this cluster',
    );
  return undefined;
}

import { hostname } from 'node:os';
import { createKubeClient } from '../../../kube/client.ts';
import { openKubeAccess } from '../../../kube/config.ts';
import type { HubConfig } from '../../config.ts';
import type { Source } from '../contract.ts';
import { createKubernetesSource, type KubernetesSourceOptions } from './controller.ts';

/** The source that the configuration means, of the API server of the pod or of a kubeconfig file. */
export function openKubernetesSource(
  config: NonNullable<HubConfig['sources']['kubernetes']>,
  parts: Pick<KubernetesSourceOptions, 'store' | 'sync' | 'clock' | 'log'>,
): Source {
  const { kubeconfig, context, namespaces, secrets } = config;
  return createKubernetesSource({
    ...parts,
    async open() {
      return createKubeClient(
        await openKubeAccess({
          ...(kubeconfig === undefined ? {} : { file: kubeconfig }),
          ...(context === undefined ? {} : { context }),
        }),
      );
    },
    ...(namespaces === undefined ? {} : { namespaces }),
    secrets,
    instance: process.env.POD_NAME ?? hostname(),
    random: Math.random,
  });
}

import type { GatewayPart } from '../../src/policy/model.ts';

/**
 * Whose keys a cluster gets: those of the namespaces that its gateways' policies name, and of its own.
 * @param clusterKey `namespace/name`
 */
export function keyNamespaces(
  clusterKey: string,
  part: Pick<GatewayPart, 'auth'> | undefined,
): readonly string[] {
  const found = new Set([clusterKey.slice(0, clusterKey.indexOf('/'))]);
  for (const { authentication } of Object.values(part?.auth ?? {}))
    for (const { method } of authentication)
      if (method.type === 'apiKey' || method.type === 'keyPair')
        for (const namespace of method.namespaces) found.add(namespace);
  return [...found];
}

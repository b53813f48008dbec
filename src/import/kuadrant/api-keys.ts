import type { Ledger } from './ledger.ts';
import type { SourceSecret } from './secrets.ts';

/** A line for `portolan key import`. */
export interface ImportedKey {
  readonly namespace: string;
  readonly key: string;
  readonly principal: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The Secret's annotations. */
  readonly attributes: Readonly<Record<string, string>>;
}

export const KEY_LABEL = 'authorino.kuadrant.io/managed-by';

/** Authorino watches Secrets with this label, of CAs as well. */
export function isKey({ labels, values }: SourceSecret): boolean {
  return labels[KEY_LABEL] !== undefined && values.api_key !== undefined;
}

const OWNER = 'secret.kuadrant.io/user-id';

/** The key of a Secret that Authorino watches; its owner is an annotation, else its name. Undefined, and told: it has none. */
export function apiKeyOf(secret: SourceSecret, ledger: Ledger): ImportedKey | undefined {
  const object = `Secret ${secret.namespace}/${secret.name}`;
  const key = secret.values.api_key;
  if (key === undefined) {
    ledger.tell(object, 'data', 'unsupported', 'it has no api_key');
    return undefined;
  }
  const { [KEY_LABEL]: _mark, ...labels } = secret.labels;
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...attributes } = secret.annotations;
  ledger.tell(object, '', 'exact', 'for `portolan key import`');
  return {
    namespace: secret.namespace,
    key,
    principal: secret.annotations[OWNER] ?? secret.name,
    labels,
    attributes,
  };
}

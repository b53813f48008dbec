import type { KubeObject } from '../../../kube/contract.ts';
import { PortolanError } from '../../../src/errors/error.ts';
import { type ParsedInput, parseResource } from '../../../src/resources/validate.ts';
import { canonicalJson, sha256Hex } from '../../store/canonical.ts';
import type { Key } from '../../store/contract.ts';
import { ADOPT, MANAGED_BY, type Outcome } from '../contract.ts';
import { idOf } from '../managed.ts';
import { FINALIZER, type MirroredKind } from './kinds.ts';
import { gatewaysNamed, type ParentRef } from './shared-status.ts';

/** What an object of Kubernetes wants of the hub. The same reference as long as it says the same. */
export type Content =
  | { readonly ok: true; readonly input: ParsedInput; readonly adopt: boolean; readonly digest: string }
  /** It is no document of the hub. */
  | { readonly ok: false; readonly refusal: Extract<Outcome, { state: 'refused' }>; readonly digest: string };

/** An object of Kubernetes, as far as the hub needs it. */
export interface Mirrored {
  readonly of: MirroredKind;
  /** `Kind namespace/name`. */
  readonly id: string;
  readonly key: Key;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  /** It has ours. */
  readonly held: boolean;
  readonly status: unknown;
  /** The Gateways that a route names; of other kinds none. */
  readonly parents: readonly ParentRef[];
  readonly content: Content;
}

const NO_PARENTS: readonly ParentRef[] = [];

/** Annotations of other tools are theirs, and what kubectl keeps of a Secret holds its values. */
const OUR_ANNOTATION = /^portolan\.dev\//;

/** Reads one object; what is no document of the hub is refused, and not thrown. */
export function mirroredOf(of: MirroredKind, object: KubeObject, before: Mirrored | undefined): Mirrored {
  const { name, namespace = '', uid = '', resourceVersion = '', generation = 0 } = object.metadata;
  if (before?.resourceVersion === resourceVersion && before.uid === uid) return before;
  const { finalizers = [], deletionTimestamp } = object.metadata;
  const key: Key = { kind: of.kind, namespace, name };
  return {
    of,
    id: idOf(key),
    key,
    uid,
    resourceVersion,
    generation,
    deleting: deletionTimestamp !== undefined,
    finalizers,
    held: finalizers.includes(FINALIZER),
    status: object.status,
    parents: of.status === 'parents' ? gatewaysNamed(object.spec) : NO_PARENTS,
    content: contentOf(of, object, before),
  };
}

function contentOf(of: MirroredKind, object: KubeObject, before: Mirrored | undefined): Content {
  const { name, namespace, uid, labels, annotations = {} } = object.metadata;
  const ours = Object.fromEntries(
    Object.entries(annotations).filter(([key]) => OUR_ANNOTATION.test(key) && key !== MANAGED_BY),
  );
  const meaning = of.kind === 'Secret' ? { data: object.data } : { spec: object.spec };
  const digest = sha256Hex(canonicalJson([uid, labels, ours, meaning]));
  if (before?.content.digest === digest) return before.content;
  const metadata = {
    namespace,
    name,
    ...(labels === undefined ? {} : { labels }),
    ...(Object.keys(ours).length === 0 ? {} : { annotations: ours }),
  };
  try {
    const spec = of.kind === 'Secret' ? { stringData: textsOf(object.data) } : object.spec;
    const { apiVersion, kind } = { ...object, ...(of.kind === 'Secret' ? OUR_SECRET : {}) };
    const input = parseResource({ apiVersion, kind, metadata, spec }, of.kind);
    return { ok: true, input, adopt: ours[ADOPT] === 'true', digest };
  } catch (thrown) {
    const { code, message, fix, violations } = PortolanError.from(thrown);
    return { ok: false, refusal: { state: 'refused', code, message, fix, violations }, digest };
  }
}

const OUR_SECRET = { apiVersion: 'portolan.dev/v1alpha1', kind: 'Secret' };

/** @throws PortolanError VALIDATION_FAILED; no value is in what it says */
function textsOf(data: unknown): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  if (typeof data !== 'object' || data === null) return texts;
  for (const [key, value] of Object.entries(data)) {
    try {
      texts[key] = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(String(value), 'base64'));
    } catch {
      const message = 'is not UTF-8 text';
      const fix = 'The hub keeps texts: tokens, keys in PEM, passwords.';
      throw new PortolanError('VALIDATION_FAILED', `data.${key} ${message}`, {
        fix,
        violations: [{ path: `data.${key}`, code: 'VALIDATION_FAILED', message, fix }],
      });
    }
  }
  return texts;
}

/** Where it stands, for messages. */
export function originOf({ of: { resource }, key, uid }: Mirrored): string {
  const group = resource.group === '' ? '' : `.${resource.group}`;
  return `${resource.plural}${group} ${key.namespace}/${key.name} (uid ${uid})`;
}

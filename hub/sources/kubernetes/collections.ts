import type { KubeClient, Reflector, ReflectorState } from '../../../kube/contract.ts';
import { createReflector } from '../../../kube/reflector.ts';
import type { MirroredKind } from './kinds.ts';
import { type Mirrored, mirroredOf } from './mirrored.ts';
import type { Coverage } from './wanted-set.ts';

export interface CollectionsOptions {
  readonly client: KubeClient;
  readonly kinds: readonly {
    readonly of: MirroredKind;
    readonly namespaces: readonly string[] | undefined;
    /** Just these, as `namespace/name`, each followed by its name; `namespaces` says nothing then. */
    readonly names?: readonly string[];
  }[];
  /** By id, with what was there before. */
  readonly onChange: (
    changed: readonly { readonly id: string; readonly before: Mirrored | undefined }[],
  ) => void;
  readonly onState: () => void;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
}

/** All collections of Kubernetes that the hub mirrors. */
export interface Collections extends Pick<Coverage, 'complete' | 'covers'> {
  /** By `Kind namespace/name`. */
  readonly objects: ReadonlyMap<string, Mirrored>;
  /** Each was listed, or cannot be: what there is to know is known. */
  readonly settled: boolean;
  /** What cannot be seen, by collection. */
  readonly problems: readonly {
    readonly at: string;
    readonly of: MirroredKind;
    readonly state: ReflectorState;
  }[];
  start(): void;
  close(): Promise<void>;
}

interface Part {
  readonly of: MirroredKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly reflector: Reflector<Mirrored>;
  told: boolean;
}

export function createCollections(options: CollectionsOptions): Collections {
  const { client, monotonicMs, after, random } = options;
  const objects = new Map<string, Mirrored>();
  const parts: Part[] = [];
  for (const { of, namespaces, names } of options.kinds)
    for (const { namespace, name } of placesOf(namespaces, names)) {
      const part: Part = {
        of,
        namespace,
        name,
        told: false,
        reflector: createReflector<Mirrored>({
          client,
          resource: of.resource,
          ...(namespace === undefined ? {} : { namespace }),
          // The API server takes a list or watch of this one name for a request for the name, as a Role with `resourceNames` grants it.
          ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
          ...(of.labelSelector === undefined || name !== undefined
            ? {}
            : { labelSelector: of.labelSelector }),
          project: (object, before) => mirroredOf(of, object, before),
          onChange(changed) {
            part.told = true;
            const told: { id: string; before: Mirrored | undefined }[] = [];
            for (const [key, mirrored] of changed) {
              const id = `${of.kind} ${key}`;
              told.push({ id, before: objects.get(id) });
              if (mirrored === undefined) objects.delete(id);
              else objects.set(id, mirrored);
            }
            options.onChange(told);
          },
          onState: () => options.onState(),
          monotonicMs,
          after,
          random,
        }),
      };
      parts.push(part);
    }
  const listed = ({ told, reflector: { state } }: Part): boolean =>
    told && state.synced && state.problem?.kind !== 'absent' && state.problem?.kind !== 'forbidden';
  const placeOf = (id: string) => {
    const [kind = '', key = ''] = id.split(' ');
    const [namespace = '', name = ''] = key.split('/');
    return { kind, namespace, name };
  };

  return {
    objects,
    get settled() {
      return parts.every(
        (part) =>
          listed(part) ||
          part.reflector.state.problem?.kind === 'forbidden' ||
          part.reflector.state.problem?.kind === 'absent',
      );
    },
    get complete() {
      return parts.every(
        (part) => listed(part) || part.of.optional || part.reflector.state.problem?.kind === 'forbidden',
      );
    },
    covers(id) {
      const { kind, namespace, name } = placeOf(id);
      return parts.some(
        (part) =>
          part.of.kind === kind &&
          (part.namespace === undefined || part.namespace === namespace) &&
          (part.name === undefined || part.name === name) &&
          listed(part),
      );
    },
    get problems() {
      return parts.flatMap(({ of, namespace, name, reflector: { state } }) => {
        const { group, plural } = of.resource;
        const what = group === '' ? plural : `${plural}.${group}`;
        const where =
          namespace === undefined ? '' : name === undefined ? ` in ${namespace}` : ` ${namespace}/${name}`;
        return state.problem === undefined ? [] : [{ at: `${what}${where}`, of, state }];
      });
    },
    start() {
      for (const { reflector } of parts) reflector.start();
    },
    async close() {
      await Promise.all(parts.map(({ reflector }) => reflector.close()));
    },
  };
}

/** What each part follows: everything, a namespace, or one object. */
function placesOf(
  namespaces: readonly string[] | undefined,
  names: readonly string[] | undefined,
): readonly { readonly namespace?: string; readonly name?: string }[] {
  if (names === undefined) return namespaces?.map((namespace) => ({ namespace })) ?? [{}];
  return [...new Set(names)].map((one) => {
    const [namespace = '', name = ''] = one.split('/');
    return { namespace, name };
  });
}

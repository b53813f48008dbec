import { isMap } from './ledger.ts';

export interface SourceSecret {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
}

/** Secrets among the documents. */
export class SourceSecrets {
  readonly all: readonly SourceSecret[];

  constructor(all: readonly SourceSecret[]) {
    this.all = all;
  }

  value(namespace: string, name: string, key: string): string | undefined {
    return this.find(namespace, name)?.values[key];
  }

  find(namespace: string, name: string): SourceSecret | undefined {
    return this.all.find((one) => one.namespace === namespace && one.name === name);
  }

  /** @param namespace absent: any */
  labelled(namespace: string | undefined, labels: unknown): readonly SourceSecret[] {
    if (!isMap(labels)) return [];
    return this.all.filter(
      (one) =>
        (namespace === undefined || one.namespace === namespace) &&
        Object.entries(labels).every(([key, value]) => one.labels[key] === value),
    );
  }
}

/** A Secret of the core API: `data` is base64, `stringData` is not and wins. */
export function readSecret(document: Readonly<Record<string, unknown>>, namespace: string): SourceSecret {
  const metadata = isMap(document.metadata) ? document.metadata : {};
  const decoded: Record<string, string> = {};
  for (const [key, value] of Object.entries(textMap(document.data)))
    decoded[key] = Buffer.from(value, 'base64').toString('utf8');
  return {
    namespace,
    name: typeof metadata.name === 'string' ? metadata.name : '',
    type: typeof document.type === 'string' ? document.type : 'Opaque',
    labels: textMap(metadata.labels),
    annotations: textMap(metadata.annotations),
    values: { ...decoded, ...textMap(document.stringData) },
  };
}

export function textMap(value: unknown): Readonly<Record<string, string>> {
  return isMap(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {};
}

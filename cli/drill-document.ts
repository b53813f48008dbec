import type { Command } from 'commander';
import type { ObjectName } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import { parseResource } from '../src/resources/validate.ts';
import { type DrillFlags, drillDocument } from './drill-flags.ts';
import { placeIn } from './manifest.ts';
import { manifestsOf } from './manifest-flags.ts';
import type { Session } from './session.ts';

/** The one Drill of the file, or what the flags say, as the hub would read it: with defaults. */
export async function parsedDrill(session: Session, command: Command, flags: DrillFlags, namespace: string) {
  const { document, documents, ...target } = await documentOf(session, command, flags, namespace);
  try {
    const parsed = parseResource(document);
    if (parsed.kind === 'Drill') return { ...target, spec: parsed.spec };
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    const violations = error.violations.map((v) => ({ ...v, path: placeIn(documents[0], v.path) }));
    throw new PortolanError(error.code, error.message, { fix: error.fix, violations });
  }
  throw new PortolanError('USAGE', 'the document is no Drill');
}

/** The document itself, where it stands, and its name. @throws PortolanError USAGE */
export async function documentOf(session: Session, command: Command, flags: DrillFlags, namespace: string) {
  if (flags.filename === undefined) {
    const document = drillDocument(flags, namespace);
    return { document, documents: [], namespace, name: document.metadata.name };
  }
  const documents = await manifestsOf(session, command, [flags.filename], namespace);
  const [only, ...others] = documents;
  const identity = identityOf(only?.value);
  if (only === undefined || others.length > 0 || identity === undefined) {
    throw new PortolanError('USAGE', `${flags.filename} does not hold one Drill and nothing else`, {
      fix: 'Apply other objects with `portolan apply`, then run the drill by its name: portolan drill run <name>.',
    });
  }
  return { document: only.value, documents, ...identity };
}

function identityOf(value: unknown): ObjectName | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'Drill')
    return undefined;
  if (!('metadata' in value) || typeof value.metadata !== 'object' || value.metadata === null)
    return undefined;
  const { metadata } = value;
  if (!('name' in metadata) || typeof metadata.name !== 'string') return undefined;
  if (!('namespace' in metadata) || typeof metadata.namespace !== 'string') return undefined;
  return { namespace: metadata.namespace, name: metadata.name };
}

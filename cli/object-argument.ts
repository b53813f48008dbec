import { PortolanError } from '../src/errors/error.ts';
import { KINDS, type Kind } from '../src/resources/catalogue.ts';

/** What a person is told when an object they named is not there. */
export function notFound(kind: Kind, namespace: string, name: string): PortolanError {
  return new PortolanError('NOT_FOUND', `${kind} "${namespace}/${name}" does not exist`, {
    fix: `List what exists with \`portolan get ${KINDS[kind].plural} -n ${namespace}\`.`,
  });
}

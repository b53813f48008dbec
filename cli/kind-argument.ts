import { PortolanError } from '../src/errors/error.ts';
import { KIND_NAMES, KINDS, type Kind, kindNamed } from '../src/resources/catalogue.ts';
import { didYouMean } from '../src/resources/suggest.ts';

export const KIND_WORDS: readonly string[] = KIND_NAMES.flatMap((kind) => [
  KINDS[kind].plural,
  ...KINDS[kind].aliases,
]);

/**
 * The kind a person named, by any of its names.
 * @throws PortolanError KIND_UNKNOWN with the nearest word
 */
export function kindArgument(text: string): Kind {
  const kind = kindNamed(text);
  if (kind !== undefined) return kind;
  const near = didYouMean(text, KIND_WORDS);
  throw new PortolanError('KIND_UNKNOWN', `there is no kind ${JSON.stringify(text)}`, {
    fix: `${near === undefined ? '' : `Did you mean ${near}? `}Kinds: ${KIND_NAMES.map((k) => KINDS[k].plural).join(', ')}.`,
  });
}

import type { Applied } from '../../src/client/client.ts';
import { objectName } from './document.ts';

/** What became of one document: `zone/shop configured`. */
export function appliedLine({ kind, name, action }: Applied['documents'][number]): string {
  return `${objectName(kind, name)} ${WORDS[action]}`;
}

const WORDS = {
  create: 'created',
  update: 'configured',
  delete: 'deleted',
  unchanged: 'unchanged',
  invalid: 'invalid',
} as const;

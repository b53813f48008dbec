import type { HeaderChanges } from '../../src/policy/model.ts';
import { framesMessage } from '../field-names.ts';

/** Header changes of one filter, ready to be applied: remove, set, add (Gateway API HTTPHeaderFilter). */
export class HeaderEdit {
  readonly #gone: ReadonlySet<string>;
  readonly #put: readonly string[];

  /** Fields that frame the message are left alone, whatever the filter says. */
  constructor(changes: HeaderChanges) {
    const gone = new Set<string>();
    const put: string[] = [];
    for (const name of changes.remove) {
      if (!framesMessage(name.toLowerCase())) gone.add(name.toLowerCase());
    }
    for (const [name, value] of changes.set) {
      const lower = name.toLowerCase();
      if (framesMessage(lower)) continue;
      gone.add(lower);
      put.push(lower, value);
    }
    for (const [name, value] of changes.add) {
      if (!framesMessage(name.toLowerCase())) put.push(name.toLowerCase(), value);
    }
    this.#gone = gone;
    this.#put = put;
  }

  apply(fields: readonly string[]): string[] {
    const out: string[] = [];
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const name = fields[at] ?? '';
      if (!this.#gone.has(name.toLowerCase())) out.push(name, fields[at + 1] ?? '');
    }
    for (const text of this.#put) out.push(text);
    return out;
  }
}

/** Without every field of this name. @param name in lower case */
export function withoutField(fields: readonly string[], name: string): string[] {
  const out: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const field = fields[at] ?? '';
    if (field.toLowerCase() !== name) out.push(field, fields[at + 1] ?? '');
  }
  return out;
}

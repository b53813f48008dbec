import {
  ATTRIBUTES,
  type Attributes,
  celProblem,
  quoted,
  type Translation,
  translateCel,
  translateSelector,
} from './attributes.ts';
import { type Field, isMap } from './ledger.ts';

/**
 * Authorino's conditions as CEL: `predicate`, `selector` with `operator` and `value`, `patternRef`, `all`, `any`. A selector that leads nowhere is the empty
 * text there and an error here, so presence is asked first.
 */
export class Patterns {
  readonly #named: ReadonlyMap<string, Field>;
  readonly attributes: Attributes;

  /** @param named `spec.patterns` */
  constructor(named: Field | undefined, attributes: Attributes = ATTRIBUTES) {
    this.attributes = attributes;
    this.#named = new Map(named?.entries() ?? []);
  }

  /** Conditions of a list, each told; what cannot be said is left out and told so. Undefined: one could not, so all are unsafe to use. */
  list(conditions: Field | undefined): readonly string[] | undefined {
    const texts: string[] = [];
    let whole = true;
    for (const item of conditions?.items() ?? []) {
      const translation = this.#one(item.value, 0);
      if ('unsupported' in translation) {
        item.tell('unsupported', translation.unsupported);
        whole = false;
        continue;
      }
      texts.push(translation.text);
      tellTranslated(item, translation.differences);
    }
    return whole ? texts : undefined;
  }

  /** Named patterns are told with what refers to them; the others are of no effect there either. */
  tellNamed(): void {
    for (const field of this.#named.values()) field.tell('exact', 'written where it is referred to');
  }

  #one(condition: unknown, depth: number): Translation {
    if (depth > 8) return { unsupported: 'patterns refer to each other without end' };
    if (!isMap(condition)) return { unsupported: 'it is no condition' };
    const { predicate, patternRef, all, any, selector, operator, value } = condition;
    if (typeof predicate === 'string') return translateCel(predicate, 'condition', this.attributes);
    if (typeof patternRef === 'string') {
      const named = this.#named.get(patternRef)?.get('allOf');
      if (named === undefined) return { unsupported: `there is no pattern ${patternRef}` };
      return this.#joined(named.value, ' && ', depth + 1);
    }
    if (all !== undefined) return this.#joined(all, ' && ', depth + 1);
    if (any !== undefined) return this.#joined(any, ' || ', depth + 1);
    if (typeof selector !== 'string') return { unsupported: 'it is no condition' };
    return comparison(selector, operator, typeof value === 'string' ? value : '', this.attributes);
  }

  #joined(conditions: unknown, by: ' && ' | ' || ', depth: number): Translation {
    const all = Array.isArray(conditions) ? conditions.map((one) => this.#one(one, depth)) : [];
    const texts: string[] = [];
    const differences: string[] = [];
    for (const one of all) {
      if ('unsupported' in one) return one;
      texts.push(`(${one.text})`);
      differences.push(...one.differences);
    }
    // Of none, all are true and any is not.
    return { text: texts.join(by) || (by === ' && ' ? 'true' : 'false'), differences };
  }
}

function comparison(selector: string, operator: unknown, value: string, attributes: Attributes): Translation {
  const left = translateSelector(selector, attributes);
  if ('unsupported' in left) return left;
  const { text, present, differences } = left;
  const there = (condition: string): string =>
    present === 'true' ? condition : `${present} && ${condition}`;
  const not = (condition: string): string => `!(${condition})`;
  const comparisons: Readonly<Record<string, string>> = {
    eq: value === '' ? `${not(present)} || ${equal(text, '')}` : there(equal(text, value)),
    neq: value === '' ? there(not(equal(text, ''))) : not(there(equal(text, value))),
    incl: there(`${quoted(value)} in ${text}`),
    excl: not(there(`${quoted(value)} in ${text}`)),
    matches: there(`${text}.matches(${quoted(value)})`),
  };
  const condition = typeof operator === 'string' ? comparisons[operator] : undefined;
  if (condition === undefined) return { unsupported: `there is no operator ${String(operator)}` };
  const problem = celProblem(condition, 'condition');
  return problem === undefined ? { text: condition, differences } : { unsupported: problem };
}

/** Values are texts there, whatever they are in the document. */
function equal(text: string, value: string): string {
  return `${text.startsWith('auth.') ? `string(${text})` : text} == ${quoted(value)}`;
}

export function tellTranslated(field: Field, differences: readonly string[]): void {
  if (differences.length === 0) field.tell('exact');
  else field.tell('approximate', differences.join('; '));
}

/** `value`, `selector` or `expression` as CEL. Undefined: told as unsupported. */
export function valueExpression(field: Field, attributes: Attributes): string | undefined {
  const selector = field.text('selector');
  const expression = field.text('expression');
  const translation: Translation =
    expression === undefined
      ? selector === undefined
        ? literal(field.get('value')?.value)
        : translateSelector(selector, attributes)
      : translateCel(expression, 'any', attributes);
  if ('unsupported' in translation) {
    field.tell('unsupported', translation.unsupported);
    return undefined;
  }
  tellTranslated(field, translation.differences);
  return translation.text;
}

function literal(value: unknown): Translation {
  if (typeof value === 'string') return { text: quoted(value), differences: [] };
  if (typeof value === 'number' || typeof value === 'boolean')
    return { text: String(value), differences: [] };
  return { unsupported: 'only texts, numbers and true or false stand for values here' };
}

/**
 * A JSON value as people read it on one line: `name: value, …`, without quotes and without what says nothing (empty lists, objects and
 * texts, null). What is no JSON, such as a text that was cut, stays as it is.
 */
export function readable(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const told = textOf(value);
  return told === '' ? 'as the product has it' : told;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) {
    return value
      .map((one: unknown) => (isMapping(one) ? grouped(textOf(one)) : textOf(one)))
      .filter((one) => one !== '')
      .join(', ');
  }
  if (isMapping(value)) {
    return Object.entries(value)
      .map(([name, own]) => [name, isMapping(own) ? grouped(textOf(own)) : textOf(own)] as const)
      .filter(([, own]) => own !== '')
      .map(([name, own]) => `${name}: ${own}`)
      .join(', ');
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function grouped(text: string): string {
  return text === '' ? '' : `(${text})`;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

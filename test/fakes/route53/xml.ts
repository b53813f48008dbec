/** An element of a request: enough of XML for what AWS clients send. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
  /** Character data, entities resolved. */
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** @throws Error when it is not well formed */
export function parseXml(text: string): Element {
  let at = 0;
  const skip = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match[1] ?? '';
  };
  skip(/\s*<\?xml[^>]*\?>/y);

  const element = (): Element => {
    const name = skip(/\s*<([A-Za-z][\w.-]*)/y);
    if (name === undefined) throw new Error(`an element was expected at ${at}`);
    const attributes = new Map<string, string>();
    for (;;) {
      const key = skip(/\s+([\w:.-]+)\s*=\s*"/y);
      if (key === undefined) break;
      const value = skip(/([^"<]*)"/y);
      if (value === undefined) throw new Error(`the value of ${key} does not end`);
      attributes.set(key, resolved(value));
    }
    if (skip(/\s*\/>/y) !== undefined) return { name, attributes, children: [], text: '' };
    if (skip(/\s*>/y) === undefined) throw new Error(`<${name} does not end`);
    const children: Element[] = [];
    let characters = '';
    for (;;) {
      characters += resolved(skip(/([^<]*)/y) ?? '');
      if (text.startsWith('</', at)) break;
      children.push(element());
    }
    if (skip(new RegExp(`</${name.replaceAll('.', '\\.')}\\s*>`, 'y')) === undefined) {
      throw new Error(`<${name}> is not closed`);
    }
    return { name, attributes, children, text: children.length === 0 ? characters : '' };
  };

  const root = element();
  if (text.slice(at).trim() !== '') throw new Error('something follows the root element');
  return root;
}

function resolved(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (_, entity: string) => {
    if (entity.startsWith('#x')) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith('#')) return String.fromCodePoint(Number(entity.slice(1)));
    const known = ENTITIES[entity];
    if (known === undefined) throw new Error(`&${entity}; is not known`);
    return known;
  });
}

/** What answers are made of: text, a list of elements of one name, or elements by name. `undefined` is left out. */
export type Content =
  | string
  | number
  | boolean
  | { readonly [name: string]: Content | readonly Content[] | undefined };

/** `<name>…</name>`; an array repeats the element. */
export function writeXml(
  name: string,
  content: Content | readonly Content[] | undefined,
  attributes = '',
): string {
  if (content === undefined) return '';
  if (isList(content)) return content.map((one) => writeXml(name, one, attributes)).join('');
  const inner =
    typeof content === 'object'
      ? Object.entries(content)
          .map(([child, value]) => writeXml(child, value))
          .join('')
      : written(String(content));
  return `<${name}${attributes}>${inner}</${name}>`;
}

function isList(content: Content | readonly Content[]): content is readonly Content[] {
  return Array.isArray(content);
}

function written(text: string): string {
  return text.replace(/[&<>"]/g, (char) =>
    char === '&' ? '&amp;' : char === '<' ? '&lt;' : char === '>' ? '&gt;' : '&quot;',
  );
}

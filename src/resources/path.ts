/** A place in a document as keys and indexes, from the root. */
export type Path = readonly PropertyKey[];

/** `spec.geo[1].tiers[0].weight`; a key that is not a plain word is quoted: `metadata.labels["a.b/c"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(String(step)))
      text += text === '' ? String(step) : `.${String(step)}`;
    else text += `[${JSON.stringify(String(step))}]`;
  }
  return text;
}

/** The inverse of `formatPath`; `undefined` when the text is no path. */
export function parsePath(text: string): readonly (string | number)[] | undefined {
  const steps: (string | number)[] = [];
  const step = /\.?([A-Za-z_$][\w$-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (match === null) return undefined;
    const [, word, index, quoted] = match;
    if (word !== undefined) steps.push(word);
    else if (index !== undefined) steps.push(Number(index));
    else if (quoted !== undefined) steps.push(String(JSON.parse(quoted)));
  }
  return steps;
}

/** What stands at `path`, `undefined` when nothing does. Own properties only. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

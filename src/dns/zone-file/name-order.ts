import { type DomainName, labelsOf } from '../name.ts';

/** Labels from right to left as octets: what canonical order compares (RFC 4034 section 6.1). */
export function orderKey(name: DomainName): readonly Buffer[] {
  return [...labelsOf(name)].reverse().map((label) =>
    Buffer.from(
      label.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number(digits))),
      'latin1',
    ),
  );
}

/** Negative when `a` comes before `b`; names are in canonical spelling, lower case already. */
export function compareOrderKeys(a: readonly Buffer[], b: readonly Buffer[]): number {
  for (const [i, label] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const difference = Buffer.compare(label, other);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

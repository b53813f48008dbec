import {
  type DomainName,
  labelsOf,
  MAX_LABEL_OCTETS,
  MAX_NAME_OCTETS,
  OCTET_TEXT,
  parentOf,
  wireLengthOf,
} from '../name.ts';
import { labelOctets } from './canonical.ts';

const UPPER_A = 0x41;
const AFTER_UPPER_Z = 0x5b; // upper case does not occur in canonical order (RFC 4034 section 6.1)

/**
 * The name right after this one in canonical order, within the zone (RFC 4471 section 3.1.2): nothing can lie between.
 * Nearly always `\000.` in front of it; a name that has no room for that changes its first label.
 */
export function successorOf(name: DomainName, origin: DomainName): DomainName {
  if (wireLengthOf(name) + 2 <= MAX_NAME_OCTETS) return `\\000.${name === '.' ? '' : name}` as DomainName;
  for (let at = name; at !== origin; ) {
    const parent = parentOf(at);
    if (parent === undefined) break;
    const first = labelOctets(labelsOf(at)[0] ?? '');
    const room = wireLengthOf(at) < MAX_NAME_OCTETS && first.length < MAX_LABEL_OCTETS;
    const next = room && at === name ? Buffer.concat([first, Buffer.alloc(1)]) : incremented(first);
    if (next !== undefined) {
      let label = '';
      for (const octet of next) label += OCTET_TEXT[octet] ?? '';
      return `${label}.${parent === '.' ? '' : parent}` as DomainName;
    }
    at = parent;
  }
  return origin; // the last name of the zone: the chain closes at the apex (RFC 4034 section 4.1.1)
}

/** The next label of at most this length; `undefined` after the last. */
function incremented(label: Buffer): Buffer | undefined {
  let end = label.length;
  while (end > 0 && label[end - 1] === 0xff) end -= 1;
  if (end === 0) return undefined;
  const next = Buffer.from(label.subarray(0, end));
  const octet = (next[end - 1] ?? 0) + 1;
  next[end - 1] = octet === UPPER_A ? AFTER_UPPER_Z : octet;
  return next;
}

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatPath, parsePath } from './path.ts';

it('a path reads back as it was written, whatever the keys', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.nat(1000)), { maxLength: 6 }), (path) => {
      expect(parsePath(formatPath(path))).toEqual(path);
    }),
  );
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PageReader, PageWriter } from './page-bytes.ts';

it('a page reads back as it was written', () => {
  const row = fc.tuple(fc.maxSafeNat(), fc.double({ noNaN: true }), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const writer = new PageWriter(8);
      for (const [whole, real, text] of rows) {
        writer.whole(whole);
        writer.real(real);
        writer.text(text);
      }
      const reader = new PageReader(writer.take());
      const read = rows.map(() => [reader.whole(), reader.real(), reader.text()]);
      expect(read).toEqual(rows);
      expect(reader.ended).toBe(true);
    }),
  );
});

it('a page that was cut is refused', () => {
  const writer = new PageWriter();
  writer.whole(1_000_000);
  writer.real(1.5);
  writer.text('key');
  const page = writer.take();
  for (let length = 0; length < page.length; length += 1) {
    const reader = new PageReader(page.subarray(0, length));
    expect(() => [reader.whole(), reader.real(), reader.text()]).toThrow('ends too early');
  }
});

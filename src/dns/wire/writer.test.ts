import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { WireReader } from './reader.ts';
import { WireWriter } from './writer.ts';

const named = (i: number) => parseName(`n${i}.example.com`);

describe('a writer', () => {
  it('begins anew in another buffer when somebody still reads the old one', () => {
    const writer = new WireWriter();
    writer.name(named(1));
    const old = writer.buffer;
    writer.renew();
    writer.name(named(2));
    expect(writer.buffer).not.toBe(old);
    expect(new WireReader(old, 0, 20).name()).toBe('n1.example.com.');
    expect(new WireReader(writer.buffer, 0, writer.offset).name()).toBe('n2.example.com.');
  });

  it('writes zeros over whatever stood there', () => {
    const writer = new WireWriter();
    writer.octets(new Uint8Array(8).fill(9));
    writer.reset();
    writer.u8(1);
    writer.zeros(3);
    expect([...writer.buffer.subarray(0, writer.offset)]).toEqual([1, 0, 0, 0]);
  });

  it('points into a question that was copied, odd octets and all', () => {
    const question = parseName('a\\.b\\000.example.com');
    const writer = new WireWriter();
    writer.plainName(question);
    writer.remember(question, 0);
    const end = writer.offset;
    writer.name(parseName('x.example.com'));
    writer.name(question);
    expect(writer.buffer.toString('hex', end, writer.offset)).toBe('0178c005c000');
  });

  it('points at names it remembers only: few enough of them, and near enough', () => {
    const writer = new WireWriter();
    for (let i = 0; i < 200; i += 1) writer.name(named(i));
    const full = writer.offset;
    writer.name(named(3));
    expect(writer.offset - full).toBe(2); // among the first
    writer.name(named(199));
    expect(writer.offset - full).toBe(2 + 5 + 2); // no room to remember: its label, and a pointer to the rest
    writer.reset();
    writer.zeros(0x4000);
    writer.name(named(1));
    const far = writer.offset;
    writer.name(named(1));
    expect(writer.offset - far).toBe(2 + 1 + 7 + 1 + 3 + 1 + 1); // a pointer has 14 bits
  });
});

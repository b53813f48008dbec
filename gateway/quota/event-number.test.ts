import { describe, expect, it } from 'vitest';
import { EventNumber } from './event-number.ts';

function read(text: string, size = text.length): number | undefined {
  const number = new EventNumber(['usage', 'total_tokens']);
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += size) number.feed(octets.subarray(at, at + size));
  number.end();
  return number.value;
}

describe('a number in an event stream that goes by', () => {
  it.each([
    ['data: {"usage":{"total_tokens":3}}\n\n', 3],
    ['data: {"usage":null}\n\ndata: {"usage":{"total_tokens":17}}\n\ndata: [DONE]\n\n', 17],
    ['data: {"usage":{"total_tokens":1}}\r\n\r\ndata: {"usage":{"total_tokens":2}}\r\n\r\n', 2],
    ['event: done\nid: 7\ndata:{"usage":\ndata:{"total_tokens":5}}\n\n', 5],
    [': {"usage":{"total_tokens":5}}\nevent: {"usage":{"total_tokens":5}}\n\n', undefined],
    ['data: {"usage":{"total\n\ndata: _tokens":5}}\n\n', undefined],
    ['data: {"usage":{"total_tokens":9', 9],
  ])('%j', (text, expected) => {
    for (const size of [text.length, 1, 4]) expect(read(text, size)).toBe(expected);
  });
});

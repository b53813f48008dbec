/** Answers as backends send them, and what they mean. */
export interface AnswerCase {
  readonly what: string;
  readonly octets: string;
  readonly method?: 'GET' | 'HEAD';
  readonly status: number;
  readonly body: string;
  readonly trailers?: readonly string[];
  readonly informational?: readonly number[];
  readonly reusable: boolean;
}

const OK = 'HTTP/1.1 200 OK\r\n';

export const GOOD_ANSWERS: readonly AnswerCase[] = [
  {
    what: 'a sized body',
    octets: `${OK}Content-Length: 5\r\n\r\nhello`,
    status: 200,
    body: 'hello',
    reusable: true,
  },
  { what: 'an empty body', octets: `${OK}content-length: 0\r\n\r\n`, status: 200, body: '', reusable: true },
  {
    what: 'fields with white space around their values, none, and octets beyond ASCII',
    octets: `${OK}X-A: \t a b \t\r\nX-Empty:\r\nX-L: \xe9\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok`,
    status: 200,
    body: 'ok',
    reusable: true,
  },
  {
    what: 'no reason phrase',
    octets: 'HTTP/1.1 200 \r\ncontent-length: 1\r\n\r\nx',
    status: 200,
    body: 'x',
    reusable: true,
  },
  {
    what: 'connection: close',
    octets: `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`,
    status: 200,
    body: 'ok',
    reusable: false,
  },
  {
    what: 'a body up to the close',
    octets: `${OK}X-A: b\r\n\r\nuntil the end`,
    status: 200,
    body: 'until the end',
    reusable: false,
  },
  {
    what: 'HTTP/1.0',
    octets: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
    reusable: false,
  },
  {
    what: 'chunks',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
    status: 200,
    body: 'hello world',
    reusable: true,
  },
  {
    what: 'chunks with extensions, large and padded sizes',
    octets: `${OK}Transfer-Encoding: Chunked\r\n\r\n00A;name=value;q="a b"\r\n0123456789\r\n0;last\r\n\r\n`,
    status: 200,
    body: '0123456789',
    reusable: true,
  },
  {
    what: 'trailers',
    octets: `${OK}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Other:  2 \r\n\r\n`,
    status: 200,
    body: 'ok',
    trailers: ['x-sum', '1', 'x-other', '2'],
    reusable: true,
  },
  { what: '204', octets: 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n', status: 204, body: '', reusable: true },
  {
    what: '304 with the length it would have',
    octets: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\nETag: "a"\r\n\r\n',
    status: 304,
    body: '',
    reusable: true,
  },
  {
    what: 'HEAD with the length it would have',
    method: 'HEAD',
    octets: `${OK}Content-Length: 100\r\n\r\n`,
    status: 200,
    body: '',
    reusable: true,
  },
  {
    what: 'HEAD with chunks it would have',
    method: 'HEAD',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n`,
    status: 200,
    body: '',
    reusable: true,
  },
  {
    what: '103 before the answer',
    octets: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    status: 200,
    body: 'ok',
    informational: [103],
    reusable: true,
  },
  {
    what: '100 and 103 before the answer',
    octets: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    status: 200,
    body: 'ok',
    informational: [100, 103],
    reusable: true,
  },
];

/** Answers that two readers could read differently, or that run into what follows: none may be taken for whole and reused (I26). */
export const HOSTILE_ANSWERS: readonly {
  readonly what: string;
  readonly octets: string;
  readonly method?: 'GET' | 'HEAD';
}[] = [
  {
    what: 'content-length and transfer-encoding',
    octets: `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    what: 'transfer-encoding and content-length',
    octets: `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  },
  { what: 'two lengths', octets: `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc` },
  { what: 'one length twice', octets: `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'a list of lengths', octets: `${OK}Content-Length: 2, 2\r\n\r\nab` },
  { what: 'a length with a sign', octets: `${OK}Content-Length: +2\r\n\r\nab` },
  { what: 'a negative length', octets: `${OK}Content-Length: -1\r\n\r\nab` },
  { what: 'a hexadecimal length', octets: `${OK}Content-Length: 0x2\r\n\r\nab` },
  { what: 'an empty length', octets: `${OK}Content-Length:\r\n\r\nab` },
  { what: 'a length beyond all bounds', octets: `${OK}Content-Length: 99999999999999999999\r\n\r\nab` },
  { what: 'an unknown transfer-encoding', octets: `${OK}Transfer-Encoding: gzip\r\n\r\nab` },
  { what: 'chunked and another', octets: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n` },
  {
    what: 'chunked twice',
    octets: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  { what: 'chunked with a vertical tab', octets: `${OK}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n` },
  { what: 'chunked in HTTP/1.0', octets: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' },
  { what: 'a space before the colon', octets: `${OK}Content-Length : 2\r\n\r\nab` },
  {
    what: 'a tab before the colon',
    octets: `${OK}Transfer-Encoding\t: chunked\r\nContent-Length: 2\r\n\r\nab`,
  },
  { what: 'a folded field', octets: `${OK}X-A: b\r\n Content-Length: 5\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'a first line that is folded', octets: `${OK} X: y\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'a field without a name', octets: `${OK}: a\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'a field without a colon', octets: `${OK}Content-Length\r\n\r\nab` },
  { what: 'bare line feeds', octets: 'HTTP/1.1 200 OK\nContent-Length: 2\n\nab' },
  {
    what: 'a bare line feed among fields',
    octets: `${OK}X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nab`,
  },
  { what: 'a bare carriage return', octets: `${OK}X-A: b\rContent-Length: 5\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'a null octet in a value', octets: `${OK}X-A: b\0c\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'a delete octet in a value', octets: `${OK}X-A: b\x7fc\r\nContent-Length: 2\r\n\r\nab` },
  { what: 'a null octet in a name', octets: `${OK}Content-Length\0: 2\r\n\r\nab` },
  { what: 'a control octet in the reason', octets: 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nab' },
  { what: 'a status of two digits', octets: 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nab' },
  { what: 'a status of four digits', octets: 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nab' },
  { what: 'status 000', octets: 'HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nab' },
  { what: 'status 600', octets: 'HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nab' },
  { what: 'HTTP/2.0', octets: 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nab' },
  { what: 'HTTP/1.2', octets: 'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nab' },
  { what: 'HTTP/0.9', octets: '<html></html>\r\n\r\n' },
  { what: 'an empty line first', octets: `\r\n${OK}Content-Length: 2\r\n\r\nab` },
  { what: 'white space first', octets: ` ${OK}Content-Length: 2\r\n\r\nab` },
  { what: 'another protocol', octets: 'ICY 200 OK\r\nContent-Length: 2\r\n\r\nab' },
  {
    what: '101 that nobody asked for',
    octets: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n',
  },
  { what: 'informational answers without end', octets: 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40) },
  {
    what: 'a body behind a 100',
    octets: `HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nevil${OK}Content-Length: 2\r\n\r\nab`,
  },
  {
    what: 'a chunk size with a sign',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n`,
  },
  { what: 'a chunk size with 0x', octets: `${OK}Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n` },
  {
    what: 'a chunk size with a space before',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n 2\r\nab\r\n0\r\n\r\n`,
  },
  {
    what: 'a chunk size with a space behind',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2 \r\nab\r\n0\r\n\r\n`,
  },
  { what: 'an empty chunk size', octets: `${OK}Transfer-Encoding: chunked\r\n\r\n\r\nab\r\n0\r\n\r\n` },
  {
    what: 'a chunk size beyond all bounds',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab\r\n0\r\n\r\n`,
  },
  {
    what: 'a chunk longer than its size',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n`,
  },
  {
    what: 'a chunk that ends with a bare line feed',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\n0\r\n\r\n`,
  },
  {
    what: 'a chunk size that ends with a bare line feed',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n`,
  },
  {
    what: 'a bare carriage return in a chunk extension',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2;a\rb\r\nab\r\n0\r\n\r\n`,
  },
  {
    what: 'a bare line feed in a chunk extension',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\nab\r\n0\r\n\r\n`,
  },
  {
    what: 'a chunk extension without end',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(5_000)}\r\nab\r\n0\r\n\r\n`,
  },
  { what: 'trailers that are no fields', octets: `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nabc\r\n\r\n` },
  { what: 'folded trailers', octets: `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n` },
  { what: 'a sized body that is cut off', octets: `${OK}Content-Length: 10\r\n\r\nabc` },
  { what: 'chunks that are cut off', octets: `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nab` },
  { what: 'chunks without the last one', octets: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n` },
  { what: 'a head that is cut off', octets: `${OK}Content-Length: 10\r\n` },
  {
    what: 'a second answer behind a sized body',
    octets: `${OK}Content-Length: 2\r\n\r\nab${OK}Content-Length: 4\r\n\r\nevil`,
  },
  {
    what: 'a second answer behind chunks',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${OK}Content-Length: 4\r\n\r\nevil`,
  },
  { what: 'a body behind an empty one', octets: `${OK}Content-Length: 0\r\n\r\nevil` },
  { what: 'a body behind a 204', octets: `HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil` },
  { what: 'a body behind a 304', octets: `HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil` },
  { what: 'a body behind the answer to HEAD', octets: `${OK}Content-Length: 4\r\n\r\nevil`, method: 'HEAD' },
  { what: 'a head without end', octets: `${OK}X-A: ${'a'.repeat(70_000)}` },
  {
    what: 'a head longer than is read',
    octets: `${OK}X-A: ${'a'.repeat(66_000)}\r\nContent-Length: 2\r\n\r\nab`,
  },
  {
    what: 'more fields than are read',
    octets: `${OK}${'X-A: b\r\n'.repeat(300)}Content-Length: 2\r\n\r\nab`,
  },
  {
    what: 'trailers without end',
    octets: `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(12_000)}`,
  },
];

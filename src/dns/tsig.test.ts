import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { parseName } from './name.ts';
import {
  FUDGE_SECONDS,
  findTsig,
  refusalOctets,
  refuseTsig,
  signRequest,
  TSIG_ERROR,
  type TsigRecord,
  type TsigVerdict,
  verifyRequest,
} from './tsig.ts';
import { parseTsigKey, type TsigKey, type TsigKeyring } from './tsig-key.ts';
import { CLASS, TYPE } from './types.ts';
import { decodeMessage, encodeMessage, makeQuery } from './wire/message.ts';
import { WireWriter } from './wire/writer.ts';

const NOW = 1_700_000_000;
const secret = (fill: number): string => Buffer.alloc(32, fill).toString('base64');
const key = parseTsigKey({ name: 'Transfer.Example.', algorithm: 'HMAC-SHA256', secret: secret(1) });
const twin = parseTsigKey({ name: 'transfer.example', algorithm: 'hmac-sha256', secret: secret(2) });
const ringOf = (...keys: readonly TsigKey[]): TsigKeyring =>
  new Map(keys.map(({ name }) => [name, keys.filter((k) => k.name === name)]));

const plain = (id = 0x1234): Uint8Array =>
  encodeMessage(makeQuery(id, { name: parseName('example.com'), type: TYPE.SOA, class: CLASS.IN }));
const answerTo = (message: Uint8Array): Uint8Array => {
  const query = decodeMessage(message);
  return encodeMessage({
    ...query,
    additionals: [],
    edns: undefined,
    flags: { ...query.flags, response: true },
  });
};
const recordOf = (message: Uint8Array): TsigRecord => {
  const found = findTsig(message);
  if (found.kind !== 'found') throw new Error(`there is no TSIG record: ${found.kind}`);
  return found.record;
};
const verdictOn = (message: Uint8Array, keys: TsigKeyring, now = NOW): TsigVerdict =>
  verifyRequest(message, recordOf(message), keys, now);
const writerWith = (message: Uint8Array): WireWriter => {
  const writer = new WireWriter();
  writer.octets(message);
  return writer;
};
const written = (writer: WireWriter): Uint8Array => new Uint8Array(writer.buffer.subarray(0, writer.offset));
/** The server's signed answers to a signed request. */
const signedAnswers = (request: Uint8Array, count: number, now = NOW): readonly Uint8Array[] => {
  const verdict = verdictOn(request, ringOf(key));
  if (verdict.kind !== 'verified') throw new Error(verdict.kind);
  return Array.from({ length: count }, () => {
    const writer = writerWith(answerTo(request));
    verdict.chain.sign(writer, now);
    return written(writer);
  });
};
const codeOf = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    return error instanceof PortolanError ? `${error.code}: ${error.message}` : String(error);
  }
  return 'accepted';
};

/** A signed query put together by hand from RFC 8945 section 4.3, octet for octet. */
function handmade(mac?: Buffer): Uint8Array {
  const message = Buffer.from('123401000001000000000000076578616d706c6503636f6d0000060001', 'hex');
  const keyName = Buffer.from('087472616e73666572076578616d706c6500', 'hex');
  const algorithm = Buffer.from('0b686d61632d73686132353600', 'hex');
  const time = Buffer.from(`${NOW.toString(16).padStart(12, '0')}012c`, 'hex');
  const variables = Buffer.concat([
    keyName,
    Buffer.from('00ff00000000', 'hex'),
    algorithm,
    time,
    Buffer.from('00000000', 'hex'),
  ]);
  const whole = mac ?? createHmac('sha256', Buffer.alloc(32, 1)).update(message).update(variables).digest();
  const rdata = Buffer.concat([
    algorithm,
    time,
    Buffer.from([0, whole.length]),
    whole,
    Buffer.from('123400000000', 'hex'),
  ]);
  const signed = Buffer.concat([
    message,
    keyName,
    Buffer.from('00fa00ff00000000', 'hex'),
    Buffer.from([rdata.length >> 8, rdata.length & 0xff]),
    rdata,
  ]);
  signed.writeUInt16BE(1, 10);
  return signed;
}

describe('a signed request', () => {
  it('is what RFC 8945 section 4.3 says, octet for octet', () => {
    const bare = Buffer.from('123401000001000000000000076578616d706c6503636f6d0000060001', 'hex');
    expect(Buffer.from(signRequest(bare, key, NOW).message).toString('hex')).toBe(
      Buffer.from(handmade()).toString('hex'),
    );
    expect(verdictOn(handmade(), ringOf(key)).kind).toBe('verified');
  });

  it('is verified by whoever has the key, also when the id was changed on the way', () => {
    const { message } = signRequest(plain(), key, NOW);
    message[0] = 0x55;
    expect(verdictOn(message, ringOf(key)).kind).toBe('verified');
  });

  it('is verified by the key that made it when two are called the same', () => {
    const { message } = signRequest(plain(), twin, NOW);
    const verdict = verdictOn(message, ringOf(key, twin));
    expect(verdict.kind === 'verified' && verdict.chain.key === twin).toBe(true);
  });

  it('is refused with BADKEY when the name or the algorithm is another', () => {
    const { message } = signRequest(plain(), key, NOW);
    const stronger = { ...key, algorithm: 'hmac-sha512' as const };
    for (const keys of [ringOf(), ringOf(stronger)])
      expect(verdictOn(message, keys)).toMatchObject({ kind: 'refused', error: TSIG_ERROR.BADKEY });
  });

  it('is refused with BADSIG when the secret is another or any octet was changed', () => {
    const { message } = signRequest(plain(), key, NOW);
    expect(verdictOn(message, ringOf(twin))).toMatchObject({
      kind: 'refused',
      error: TSIG_ERROR.BADSIG,
      refusal: { key: undefined },
    });
    const at = recordOf(message).at;
    fc.assert(
      fc.property(fc.integer({ min: 2, max: at - 1 }), fc.integer({ min: 1, max: 255 }), (where, mask) => {
        const changed = Uint8Array.from(message);
        changed[where] = (changed[where] ?? 0) ^ mask;
        const found = findTsig(changed);
        expect(found.kind === 'found' && verdictOn(changed, ringOf(key)).kind === 'verified').toBe(false);
      }),
    );
  });

  it('is refused with BADTIME beyond the fudge of its time, in both directions, and not before', () => {
    const { message } = signRequest(plain(), key, NOW);
    for (const late of [FUDGE_SECONDS, -FUDGE_SECONDS])
      expect(verdictOn(message, ringOf(key), NOW + late).kind).toBe('verified');
    for (const late of [FUDGE_SECONDS + 1, -FUDGE_SECONDS - 1])
      expect(verdictOn(message, ringOf(key), NOW + late)).toMatchObject({
        kind: 'refused',
        error: TSIG_ERROR.BADTIME,
        refusal: { key },
      });
  });

  it('is refused with BADTRUNC when its MAC is right but short, FORMERR when shorter than any policy may take', () => {
    const whole = Buffer.from(recordOf(handmade()).mac);
    expect(verdictOn(handmade(whole.subarray(0, 16)), ringOf(key))).toMatchObject({
      kind: 'refused',
      error: TSIG_ERROR.BADTRUNC,
    });
    expect(verdictOn(handmade(whole.subarray(0, 15)), ringOf(key)).kind).toBe('malformed');
    expect(verdictOn(handmade(Buffer.concat([whole, whole])), ringOf(key)).kind).toBe('malformed');
    const wrong = Buffer.alloc(16, 3);
    expect(verdictOn(handmade(wrong), ringOf(key))).toMatchObject({ error: TSIG_ERROR.BADSIG });
  });
});

describe('the TSIG record', () => {
  it('must be the last one, of class ANY, with TTL 0, and whole', () => {
    const good = handmade();
    const { at } = recordOf(good);
    const changed = (offset: number, ...octets: readonly number[]): Uint8Array => {
      const bytes = Uint8Array.from(good);
      bytes.set(octets, offset);
      return bytes;
    };
    const typeAt = at + 18;
    expect(findTsig(good).kind).toBe('found');
    expect(findTsig(plain()).kind).toBe('none');
    expect(findTsig(changed(typeAt + 2, 0, 1)).kind).toBe('malformed');
    expect(findTsig(changed(typeAt + 4, 0, 0, 0, 1)).kind).toBe('malformed');
    expect(findTsig(Buffer.concat([good, Buffer.from([0])])).kind).toBe('malformed');
    const longer = Buffer.concat([good, Buffer.from([0])]);
    longer.writeUInt16BE(longer.readUInt16BE(typeAt + 8) + 1, typeAt + 8);
    expect(findTsig(longer).kind).toBe('malformed');
    const opt = Buffer.from('0000290200000000000000', 'hex');
    const followed = Buffer.concat([good, opt]);
    followed.writeUInt16BE(2, 10);
    expect(findTsig(followed).kind).toBe('malformed');
    const asAnswer = changed(6, 0, 1);
    asAnswer[11] = 0;
    expect(findTsig(asAnswer).kind).toBe('malformed');
  });

  it('I23 any octets are read or refused, without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        findTsig(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.nat(handmade().length), fc.uint8Array({ maxLength: 20 }), (cut, tail) => {
        const bytes = Buffer.concat([Buffer.from(handmade()).subarray(0, cut), tail]);
        const found = findTsig(bytes);
        if (found.kind === 'found') verifyRequest(bytes, found.record, ringOf(key), NOW);
      }),
    );
  });
});

describe('the answers to a signed request', () => {
  it('are accepted one after the other, each signed over the one before', () => {
    const { message, answers } = signRequest(plain(), key, NOW);
    for (const answer of signedAnswers(message, 3)) answers.accept(answer, NOW);
    expect(answers.complete).toBe(true);
  });

  it('are refused when one is left out, repeated or put elsewhere', () => {
    const { message } = signRequest(plain(), key, NOW);
    const sent = signedAnswers(message, 3);
    for (const order of [[0, 2], [1], [0, 0]]) {
      const { answers } = signRequest(plain(), key, NOW);
      const accept = (): void => {
        for (const i of order) answers.accept(sent[i] ?? new Uint8Array(), NOW);
      };
      expect(codeOf(accept)).toMatch(/^TSIG_REJECTED: the signature of the answer is wrong/);
    }
  });

  it('may be unsigned in between, for 99 messages, but not at the end', () => {
    const { message, answers } = signRequest(plain(), key, NOW);
    const verdict = verdictOn(message, ringOf(key));
    if (verdict.kind !== 'verified') throw new Error(verdict.kind);
    const [first] = signedAnswers(message, 1);
    const bare = answerTo(message);
    answers.accept(first ?? new Uint8Array(), NOW);
    answers.accept(bare, NOW);
    expect(answers.complete).toBe(false);
    for (let i = 1; i < 99; i += 1) answers.accept(bare, NOW);
    expect(codeOf(() => answers.accept(bare, NOW))).toMatch(/^TSIG_REJECTED: too many messages/);
  });

  it('must be signed by the key of the request, by a record that can be read', () => {
    const { message, answers } = signRequest(plain(), key, NOW);
    const [signed] = signedAnswers(message, 1);
    const cut = Uint8Array.from(signed ?? []);
    cut[recordOf(cut).at + 22] = 1; // the TTL
    expect(codeOf(() => answers.accept(cut, NOW))).toMatch(/^TSIG_REJECTED: .*cannot be read/);
    const other = parseTsigKey({ name: 'other.example', algorithm: 'hmac-sha256', secret: secret(1) });
    const { message: stranger } = signRequest(answerTo(message), other, NOW);
    expect(codeOf(() => answers.accept(stranger, NOW))).toMatch(
      /^TSIG_REJECTED: .*signed by other\.example\./,
    );
  });

  it('take as many octets more as is said before', () => {
    const { message } = signRequest(plain(), key, NOW);
    const verdict = verdictOn(message, ringOf(key));
    if (verdict.kind !== 'verified') throw new Error(verdict.kind);
    const writer = writerWith(answerTo(message));
    const before = writer.offset;
    verdict.chain.sign(writer, NOW);
    expect(writer.offset - before).toBe(verdict.chain.octets);
    for (const signedBy of [undefined, key]) {
      const refusal = { record: recordOf(message), key: signedBy };
      writer.rewind(before);
      refuseTsig(writer, TSIG_ERROR.BADTIME, refusal, NOW);
      expect(writer.offset - before).toBe(refusalOctets(refusal));
    }
  });

  it('must be signed when the request was, and recently', () => {
    const { message, answers } = signRequest(plain(), key, NOW);
    expect(codeOf(() => answers.accept(answerTo(message), NOW))).toMatch(/^TSIG_REJECTED: .*not signed/);
    const { answers: others } = signRequest(plain(), key, NOW);
    const [old] = signedAnswers(message, 1, NOW - FUDGE_SECONDS - 1);
    expect(codeOf(() => others.accept(old ?? new Uint8Array(), NOW))).toMatch(/^TSIG_REJECTED: .*clock/);
  });

  it('that refuse the signature say why', () => {
    const reasons = [
      [TSIG_ERROR.BADKEY, undefined, /does not know the key transfer\.example\./],
      [TSIG_ERROR.BADSIG, undefined, /another secret/],
      [TSIG_ERROR.BADTIME, key, /clock/],
      [TSIG_ERROR.BADTRUNC, key, /TSIG error 22/],
    ] as const;
    for (const [error, signedBy, message] of reasons) {
      const { message: request, answers } = signRequest(plain(), key, NOW);
      const writer = writerWith(answerTo(request));
      refuseTsig(writer, error, { record: recordOf(request), key: signedBy }, NOW + 1000);
      const answer = written(writer);
      expect(recordOf(answer).error).toBe(error);
      // Errors of the key itself cannot be signed (RFC 8945 section 5.3.2).
      expect(recordOf(answer).mac.length).toBe(signedBy === undefined ? 0 : 32);
      expect(codeOf(() => answers.accept(answer, NOW))).toMatch(message);
    }
  });

  it('that say BADTIME have the time of the request and, in the other data, ours', () => {
    const { message } = signRequest(plain(), key, NOW);
    const writer = writerWith(answerTo(message));
    refuseTsig(writer, TSIG_ERROR.BADTIME, { record: recordOf(message), key }, NOW + 1000);
    const record = recordOf(written(writer));
    expect(record.timeSigned).toBe(NOW);
    expect(Buffer.from(record.other).readUIntBE(0, 6)).toBe(NOW + 1000);
  });
});

describe('a TSIG key', () => {
  it('of a weak algorithm is refused, with what to do', () => {
    for (const algorithm of ['hmac-md5', 'HMAC-MD5.SIG-ALG.REG.INT.', 'hmac-sha1', 'hmac-sha224'])
      expect(codeOf(() => parseTsigKey({ name: 'k', algorithm, secret: secret(1) }))).toMatch(
        /^TSIG_KEY_INVALID: .*too weak/,
      );
  });

  it('must have a known algorithm, a name and at least 16 octets in base64, and no message tells the secret', () => {
    const good = { name: 'k', algorithm: 'hmac-sha384', secret: secret(1) };
    expect(parseTsigKey(good)).toMatchObject({ name: 'k.', algorithm: 'hmac-sha384' });
    for (const wrong of [
      { ...good, algorithm: 'rot13' },
      { ...good, name: 'a..b' },
      { ...good, secret: 'c2VjcmV0' },
      { ...good, secret: 'not base64!' },
    ]) {
      const said = codeOf(() => parseTsigKey(wrong));
      expect(said).toMatch(/^TSIG_KEY_INVALID/);
      expect(said).not.toContain(wrong.secret);
    }
  });
});

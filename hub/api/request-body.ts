import { PortolanError } from '../../src/errors/error.ts';
import { parseText } from '../../src/resources/yaml.ts';

/** A request body above this is refused before it is read to its end. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** YAML is read twenty times slower than JSON, in the thread that also decides and answers: one document has room in this. */
const MAX_YAML_BYTES = 64 * 1024;

/**
 * Reads a JSON or YAML body; an empty one is `undefined`.
 * @throws PortolanError PAYLOAD_TOO_LARGE, YAML_INVALID, MEDIA_TYPE_UNSUPPORTED
 */
export async function readBody(request: Request): Promise<unknown> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
  const text = await readText(request);
  if (text.trim() === '') return undefined;
  const type = (request.headers.get('content-type') ?? 'application/json')
    .split(';')[0]
    ?.trim()
    .toLowerCase();
  switch (type) {
    case 'application/json':
      return parseJson(text);
    case 'application/yaml':
    case 'application/x-yaml':
    case 'text/yaml':
    case 'text/x-yaml': {
      if (Buffer.byteLength(text) > MAX_YAML_BYTES) {
        throw new PortolanError(
          'PAYLOAD_TOO_LARGE',
          `the YAML body is larger than ${MAX_YAML_BYTES} bytes (64 KiB)`,
          { fix: 'Send it as application/json, which may have 4 MiB.' },
        );
      }
      const documents = parseText(text);
      if (documents.length > 1)
        throw new PortolanError(
          'YAML_INVALID',
          `the body holds ${documents.length} documents; this path takes one`,
          { fix: 'Send them one by one, or use `portolan apply`.' },
        );
      return documents[0]?.value;
    }
    default:
      throw new PortolanError(
        'MEDIA_TYPE_UNSUPPORTED',
        `the body is ${JSON.stringify((type ?? '').slice(0, 60))}`,
      );
  }
}

/** Reads a file. @throws PortolanError PAYLOAD_TOO_LARGE, MEDIA_TYPE_UNSUPPORTED */
export async function readOctets(request: Request, maxOctets: number): Promise<Uint8Array> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/octet-stream') {
    throw new PortolanError('MEDIA_TYPE_UNSUPPORTED', `the body is ${JSON.stringify(type.slice(0, 60))}`, {
      fix: 'Send the file itself as application/octet-stream.',
    });
  }
  if (Number(request.headers.get('content-length') ?? 0) > maxOctets) throw tooLarge(maxOctets);
  return readChunks(request, maxOctets);
}

async function readChunks(request: Request, maxOctets: number): Promise<Buffer> {
  if (request.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> = request.body;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxOctets) throw tooLarge(maxOctets);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readText(request: Request): Promise<string> {
  const bytes = await readChunks(request, MAX_BODY_BYTES);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PortolanError('YAML_INVALID', 'the body is not valid UTF-8', {
      cause,
      fix: 'Send UTF-8 text.',
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PortolanError(
      'YAML_INVALID',
      `the body is not valid JSON${cause instanceof Error ? placeOf(cause.message) : ''}`,
      { fix: 'Send valid JSON, or YAML as application/yaml.' },
    );
  }
}

/** Where the parser stopped. The rest of its message may quote the text, which may hold a secret (I33). */
function placeOf(message: string): string {
  const [, position] = / at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message) ?? [];
  return position === undefined ? '' : ` at character ${Number(position) + 1}`;
}

function tooLarge(maxOctets: number): PortolanError {
  return new PortolanError(
    'PAYLOAD_TOO_LARGE',
    `the request body is larger than ${maxOctets} bytes (${Math.floor(maxOctets / 1024 / 1024)} MiB)`,
  );
}

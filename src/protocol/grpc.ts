import {
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type {
  Client,
  ClientDuplexStream,
  handleBidiStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServiceDefinition,
} from '@grpc/grpc-js';

/** The adapter between generated services and grpc-js: descriptors become service definitions, nothing is generated twice. */

type Definition<I extends DescMessage, O extends DescMessage> = MethodDefinition<
  MessageShape<I>,
  MessageShape<O>
>;

/** One handler per method of a service, with its message types. */
export type Handlers<S extends DescService> = {
  readonly [M in keyof S['method']]: S['method'][M] extends DescMethodUnary<infer I, infer O>
    ? handleUnaryCall<MessageShape<I>, MessageShape<O>>
    : S['method'][M] extends DescMethodBiDiStreaming<infer I, infer O>
      ? handleBidiStreamingCall<MessageShape<I>, MessageShape<O>>
      : never;
};

const encoded = new WeakMap<object, Buffer>();

/**
 * The wire form of a message, made once however many streams it goes to and before it is queued, so that queues count octets.
 * A message must not change after it was given to a stream.
 */
export function encodeOnce<D extends DescMessage>(schema: D, message: MessageShape<D>): Buffer {
  let bytes = encoded.get(message);
  if (bytes === undefined) {
    bytes = Buffer.from(toBinary(schema, message));
    encoded.set(message, bytes);
  }
  return bytes;
}

function methodDefinition<I extends DescMessage, O extends DescMessage>(
  method: Omit<DescMethod, 'input' | 'output'> & { readonly input: I; readonly output: O },
): Definition<I, O> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'bidi_streaming',
    requestSerialize: (message) => encodeOnce(method.input, message),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => encodeOnce(method.output, message),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

/** For `Server.addService(serviceDefinition(S), handlers)` with `handlers: Handlers<S>`. Unary and bidi methods only. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  const definition: Record<string, Definition<DescMessage, DescMessage>> = {};
  for (const method of service.methods) {
    if (method.methodKind !== 'unary' && method.methodKind !== 'bidi_streaming') {
      throw new Error(`${service.typeName}.${method.name}: ${method.methodKind} methods are not supported`);
    }
    definition[method.localName] = methodDefinition(method);
  }
  return definition;
}

/** Opens the stream of a bidirectional method. */
export function openStream<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodBiDiStreaming<I, O>,
): ClientDuplexStream<MessageShape<I>, MessageShape<O>> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
}

/** Calls a unary method; rejects with the gRPC ServiceError. */
export async function callUnary<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodUnary<I, O>,
  request: MessageShape<I>,
  options: { readonly timeoutMs: number; readonly nowMs: number },
): Promise<MessageShape<O>> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
  return await new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      { deadline: options.nowMs + options.timeoutMs },
      (error, reply) => {
        if (error !== null) reject(error);
        else if (reply === undefined) reject(new Error('the server sent neither a reply nor an error'));
        else resolve(reply);
      },
    );
  });
}

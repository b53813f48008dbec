/**
 * The few functions of the Reflect metadata proposal that @peculiar/x509's dependency container asks for when it loads.
 * Importing this file installs them, once, unless the program has them already.
 */
type Metadata = Map<unknown, unknown>;

const store = new WeakMap<object, Map<string | symbol | undefined, Metadata>>();

function own(target: object, property: string | symbol | undefined): Metadata | undefined {
  return store.get(target)?.get(property);
}

function define(key: unknown, value: unknown, target: object, property?: string | symbol): void {
  const properties = store.get(target) ?? new Map<string | symbol | undefined, Metadata>();
  const metadata = properties.get(property) ?? new Map<unknown, unknown>();
  metadata.set(key, value);
  properties.set(property, metadata);
  store.set(target, properties);
}

function getOwn(key: unknown, target: object, property?: string | symbol): unknown {
  return own(target, property)?.get(key);
}

function get(key: unknown, target: object, property?: string | symbol): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (own(at, property)?.has(key) === true) return getOwn(key, at, property);
  }
  return undefined;
}

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, {
    defineMetadata: define,
    getMetadata: get,
    getOwnMetadata: getOwn,
    hasMetadata: (key: unknown, target: object, property?: string | symbol) =>
      get(key, target, property) !== undefined,
    hasOwnMetadata: (key: unknown, target: object, property?: string | symbol) =>
      own(target, property)?.has(key) === true,
    metadata: (key: unknown, value: unknown) => (target: object, property?: string | symbol) =>
      define(key, value, target, property),
  });
}

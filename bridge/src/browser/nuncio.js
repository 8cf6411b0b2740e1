// A node of Nuncio in a web page: it holds its own Ed25519 key and signs what it publishes; the bridge passes that on.
//
//   import { Nuncio } from "http://127.0.0.1:9090/nuncio.js";
//   const node = await Nuncio.connect("ws://127.0.0.1:9090", { name: "/operator" });
//   const commands = await node.publisher("/cmd_vel", "geometry_msgs/msg/Twist");
//   await commands.publish({ linear: { x: 0.5 } });
//
// The key is made by WebCrypto, cannot be taken out of the browser, and stays in IndexedDB; `node.did` says which it is. A page
// needs a secure context for that: https, or http://127.0.0.1. The protocol and what the bridge can do is in the documentation
// of nuncio_bridge::browser. Nothing here depends on anything else; it runs in browsers and in Node.js from version 20 on, there
// with options `WebSocket`, and `store` where the key shall outlive the process.

const TEXT = new TextEncoder();
const U64_MAX = 2n ** 64n - 1n;
const PLACEHOLDER = "structure_needs_at_least_one_member";
/** How deep messages may lie inside each other, and how many values fixed arrays may give one: as in the runtime. */
const DEPTH_MAX = 50, FIXED_VALUES_MAX = 4 * 1024 * 1024;
/** How many bytes may wait for a connection that does not take them. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
const KIND_MESSAGE = 0, KIND_RESPONSE = 2, KIND_CARD = 3;

// --- BLAKE3 ---------------------------------------------------------------------------------------------------------

const IV = Uint32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8, CHUNK_LEN = 1024;

function mix(state, a, b, c, d, x, y) {
  state[a] = state[a] + state[b] + x;
  state[d] ^= state[a];
  state[d] = (state[d] >>> 16) | (state[d] << 16);
  state[c] = state[c] + state[d];
  state[b] ^= state[c];
  state[b] = (state[b] >>> 12) | (state[b] << 20);
  state[a] = state[a] + state[b] + y;
  state[d] ^= state[a];
  state[d] = (state[d] >>> 8) | (state[d] << 24);
  state[c] = state[c] + state[d];
  state[b] ^= state[c];
  state[b] = (state[b] >>> 7) | (state[b] << 25);
}

function compress(chaining, block, counter, len, flags) {
  const state = new Uint32Array(16);
  state.set(chaining);
  state.set(IV.subarray(0, 4), 8);
  state[12] = counter >>> 0;
  state[13] = Math.floor(counter / 2 ** 32);
  state[14] = len;
  state[15] = flags;
  let words = block;
  for (let round = 0; ; round++) {
    mix(state, 0, 4, 8, 12, words[0], words[1]);
    mix(state, 1, 5, 9, 13, words[2], words[3]);
    mix(state, 2, 6, 10, 14, words[4], words[5]);
    mix(state, 3, 7, 11, 15, words[6], words[7]);
    mix(state, 0, 5, 10, 15, words[8], words[9]);
    mix(state, 1, 6, 11, 12, words[10], words[11]);
    mix(state, 2, 7, 8, 13, words[12], words[13]);
    mix(state, 3, 4, 9, 14, words[14], words[15]);
    if (round === 6) break;
    words = PERMUTATION.map(from => words[from]);
  }
  for (let i = 0; i < 8; i++) state[i] ^= state[i + 8];
  return state.subarray(0, 8);
}

/** The last compression of a chunk, not done yet: whether it is the root is not known before. */
function chunk(bytes, counter) {
  let chaining = IV;
  const blocks = Math.max(1, Math.ceil(bytes.length / 64));
  for (let index = 0; ; index++) {
    const part = bytes.subarray(index * 64, index * 64 + 64);
    const words = new Uint32Array(16);
    part.forEach((byte, at) => (words[at >> 2] |= byte << (8 * (at & 3))));
    const flags = (index === 0 ? CHUNK_START : 0) | (index === blocks - 1 ? CHUNK_END : 0);
    if (index === blocks - 1) return more => compress(chaining, words, counter, part.length, flags | more);
    chaining = compress(chaining, words, counter, 64, flags);
  }
}

function parent(left, right) {
  const words = new Uint32Array(16);
  words.set(left);
  words.set(right, 8);
  return more => compress(IV, words, 0, 64, PARENT | more);
}

function tree(bytes, first) {
  if (bytes.length <= CHUNK_LEN) return chunk(bytes, first);
  // The left side is the largest power of two of chunks that leaves something for the right one.
  const chunks = Math.ceil(bytes.length / CHUNK_LEN);
  const left = 2 ** (31 - Math.clz32(chunks - 1));
  const at = left * CHUNK_LEN;
  return parent(tree(bytes.subarray(0, at), first)(0), tree(bytes.subarray(at), first + left)(0));
}

/** The 32 bytes of BLAKE3. */
export function blake3(bytes) {
  const hash = new Uint8Array(32);
  const view = new DataView(hash.buffer);
  tree(bytes, 0)(ROOT).forEach((word, index) => view.setUint32(index * 4, word, true));
  return hash;
}

// --- Bytes ----------------------------------------------------------------------------------------------------------

/** Bytes that grow. Numbers are little endian. */
class Writer {
  #bytes = new Uint8Array(256);
  #len = 0;

  #room(len) {
    if (this.#len + len > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#len + len));
      larger.set(this.#bytes.subarray(0, this.#len));
      this.#bytes = larger;
    }
    const at = this.#len;
    this.#len += len;
    return new DataView(this.#bytes.buffer, at, len);
  }

  put(bytes) {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#len - bytes.length);
    return this;
  }
  u8(value) {
    this.#room(1).setUint8(0, value);
    return this;
  }
  u16(value) {
    this.#room(2).setUint16(0, value, true);
    return this;
  }
  u32(value) {
    this.#room(4).setUint32(0, value, true);
    return this;
  }
  u64(value) {
    this.#room(8).setBigUint64(0, value, true);
    return this;
  }
  f32(value) {
    this.#room(4).setFloat32(0, value, true);
    return this;
  }
  f64(value) {
    this.#room(8).setFloat64(0, value, true);
    return this;
  }
  /** LEB128 in its shortest form. */
  varint(value) {
    let rest = BigInt(value);
    for (; rest > 127n; rest >>= 7n) this.u8(Number(rest & 127n) | 128);
    return this.u8(Number(rest));
  }
  /** A part behind its length (u32), as contexts and writers are hashed. */
  part(bytes) {
    return this.u32(bytes.length).put(bytes);
  }
  bytes() {
    return this.#bytes.slice(0, this.#len);
  }
}

const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
const unhex = text => Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16));

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** `did:key:z6Mk…` of an Ed25519 public key. */
export function didOf(publicKey) {
  let number = BigInt("0xed01" + hex(publicKey));
  let text = "";
  for (; number > 0n; number /= 58n) text = BASE58[Number(number % 58n)] + text;
  return "did:key:z" + text;
}

// --- Types ----------------------------------------------------------------------------------------------------------

/** The types of `type_description_interfaces/msg/FieldType`: name, least and greatest value of integers. */
const INTEGERS = {
  2: ["int8", -(2n ** 7n), 2n ** 7n - 1n], 3: ["uint8", 0n, 2n ** 8n - 1n], 4: ["int16", -(2n ** 15n), 2n ** 15n - 1n],
  5: ["uint16", 0n, 2n ** 16n - 1n], 6: ["int32", -(2n ** 31n), 2n ** 31n - 1n], 7: ["uint32", 0n, 2n ** 32n - 1n],
  8: ["int64", -(2n ** 63n), 2n ** 63n - 1n], 9: ["uint64", 0n, U64_MAX], 13: ["char", 0n, 2n ** 8n - 1n],
  16: ["byte", 0n, 2n ** 8n - 1n],
};
const NESTED = 1, FLOAT32 = 10, FLOAT64 = 11, BOOL = 15, STRING = 17, WSTRING = 18, BOUNDED_STRING = 21, BOUNDED_WSTRING = 22;
const ONE = 0, ARRAY = 48, BOUNDED = 96, SEQUENCE = 144;

/** A type that values can be encoded by. Made of the JSON text of a ROS 2 type description by `MessageType.of`. */
export class MessageType {
  /** The full name, and the RIHS01 hash, which was computed here. */
  name;
  hash;
  #messages = new Map();

  static async of(text) {
    const type = new MessageType();
    const described = JSON.parse(text);
    const root = described.type_description;
    const all = [root, ...described.referenced_type_descriptions];
    for (const message of all) type.#messages.set(message.type_name, message.fields.map(readField));
    type.name = root.type_name;
    type.#measure(type.name, 1);
    const referenced = all.slice(1).map(message => type.#canonical(message.type_name));
    const canonical = `{"type_description": ${type.#canonical(type.name)}, "referenced_type_descriptions": [${referenced.join(", ")}]}`;
    type.hash = new Uint8Array(await crypto.subtle.digest("SHA-256", TEXT.encode(canonical)));
    type.description = canonical;
    return type;
  }

  /** `RIHS01_` and 64 digits. */
  get hashText() {
    return "RIHS01_" + hex(this.hash);
  }

  /** The text that ROS 2 hashes. */
  #canonical(name) {
    const fields = this.#messages.get(name).map(
      ({ name, id, count, capacity, stringCapacity, nested }) =>
        `{"name": ${JSON.stringify(name)}, "type": {"type_id": ${id + count}, "capacity": ${capacity}, ` +
        `"string_capacity": ${stringCapacity}, "nested_type_name": ${JSON.stringify(nested)}}}`,
    );
    return `{"type_name": ${JSON.stringify(name)}, "fields": [${fields.join(", ")}]}`;
  }

  /** How many values a message has whose sequences are empty; throws where types are deeper or larger than any good one. */
  #measure(name, depth) {
    const fields = this.#messages.get(name);
    if (!fields) throw new Error(`the description of ${this.name} lacks ${name}`);
    if (depth > DEPTH_MAX) throw new Error(`${name}: messages lie more than ${DEPTH_MAX} deep inside each other`);
    let values = 1;
    for (const field of fields) {
      const each = field.id === NESTED ? this.#measure(field.nested, depth + 1) : 1;
      values += each * (field.count === ARRAY ? field.capacity : 1);
      if (values > FIXED_VALUES_MAX) throw new Error(`${name}.${field.name}: more than ${FIXED_VALUES_MAX} values`);
    }
    return values;
  }

  /** The payload of a value. Fields that are left out are zero, empty or false; anything that does not fit is an error. */
  encode(value) {
    const out = new Writer();
    this.#message(out, this.name, value, "");
    return out.bytes();
  }

  #message(out, name, value, at) {
    const fields = this.#messages.get(name);
    if (value instanceof Date && name === "builtin_interfaces/msg/Time") {
      const seconds = Math.floor(value / 1000);
      value = { sec: seconds, nanosec: (value - seconds * 1000) * 1e6 };
    }
    if (value === undefined) value = {};
    if (value === null || typeof value !== "object" || Array.isArray(value) || ArrayBuffer.isView(value)) {
      throw unfit(at, `an object with the fields of ${name}`, value);
    }
    const unknown = Object.keys(value).find(key => !fields.some(field => field.name === key && key !== PLACEHOLDER));
    if (unknown !== undefined) throw new Error(`${join(at, unknown)}: ${name} has no such field`);
    for (const field of fields) {
      if (field.name !== PLACEHOLDER) this.#field(out, field, value[field.name], join(at, field.name));
    }
  }

  #field(out, field, value, at) {
    if (field.count === ONE) return this.#element(out, field, value, at);
    const list = value === undefined ? { length: field.count === ARRAY ? field.capacity : 0 } : value;
    if (value !== undefined && !Array.isArray(value) && (!ArrayBuffer.isView(value) || value instanceof DataView)) {
      throw unfit(at, "a list", value);
    }
    if (field.count === ARRAY && list.length !== field.capacity) {
      throw unfit(at, `${field.capacity} elements`, `${list.length}`);
    }
    if (field.count === BOUNDED && list.length > field.capacity) {
      throw unfit(at, `at most ${field.capacity} elements`, `${list.length}`);
    }
    if (field.count !== ARRAY) out.varint(list.length);
    if (list instanceof Uint8Array && [3, 13, 16].includes(field.id)) return out.put(list);
    for (let i = 0; i < list.length; i++) this.#element(out, field, list[i], `${at}[${i}]`);
  }

  #element(out, { id, nested, stringCapacity }, value, at) {
    if (id === NESTED) return this.#message(out, nested, value, at);
    if (id === BOOL) {
      if (value !== undefined && typeof value !== "boolean") throw unfit(at, "true or false", value);
      return out.u8(value ? 1 : 0);
    }
    if (id === FLOAT32 || id === FLOAT64) {
      const number = value ?? 0;
      if (typeof number !== "number" || value === null) throw unfit(at, "a number", value);
      if (id === FLOAT64) return out.f64(number);
      if (Number.isFinite(number) && !Number.isFinite(Math.fround(number))) throw unfit(at, "a number that float32 can hold", value);
      return out.f32(number);
    }
    if (id in INTEGERS) return this.#integer(out, id, value ?? 0, at);
    const text = value === undefined ? "" : value;
    if (typeof text !== "string") throw unfit(at, "a text", value);
    const bytes = TEXT.encode(text);
    // What cannot be encoded would be signed as something else.
    if (new TextDecoder().decode(bytes) !== text && !text.startsWith("\ufeff")) throw unfit(at, "a text without lone surrogates", value);
    const len = id === WSTRING || id === BOUNDED_WSTRING ? text.length : bytes.length;
    if (stringCapacity > 0 && len > stringCapacity) throw unfit(at, `a text of at most ${stringCapacity}`, `one of ${len}`);
    out.varint(bytes.length).put(bytes);
  }

  #integer(out, id, value, at) {
    const [name, least, greatest] = INTEGERS[id];
    const isInteger = typeof value === "bigint" || Number.isSafeInteger(value) || (typeof value === "string" && /^-?\d+$/.test(value));
    const number = isInteger ? BigInt(value) : null;
    if (number === null || number < least || number > greatest) {
      throw unfit(at, `an integer from ${least} to ${greatest} (${name})`, value);
    }
    if ([2, 3, 13, 16].includes(id)) return out.u8(Number(number & 255n));
    if (least === 0n) return out.varint(number);
    out.varint(number < 0n ? -2n * number - 1n : 2n * number);
  }

  /** The schemas of this type and of those that it refers to, as far as the hash covers them. */
  sources() {
    return Array.from(this.#messages, ([name, fields]) => ({
      type_name: name,
      text: fields.filter(field => field.name !== PLACEHOLDER).map(field => `${typeText(field)} ${field.name}\n`).join(""),
    }));
  }
}

function readField({ name, type }) {
  const count = type.type_id > SEQUENCE ? SEQUENCE : type.type_id > BOUNDED ? BOUNDED : type.type_id > ARRAY ? ARRAY : ONE;
  const id = type.type_id - count;
  const texts = [STRING, WSTRING, BOUNDED_STRING, BOUNDED_WSTRING];
  if (!(id in INTEGERS) && ![NESTED, FLOAT32, FLOAT64, BOOL, ...texts].includes(id)) {
    throw new Error(`${name}: the type ${type.type_id} is not known here`);
  }
  const { capacity, string_capacity: stringCapacity, nested_type_name: nested } = type;
  if (![capacity, stringCapacity].every(number => Number.isSafeInteger(number) && number >= 0)) {
    throw new Error(`${name}: a capacity that is no number`);
  }
  return { name, id, count, capacity, stringCapacity, nested };
}

function typeText({ id, count, capacity, stringCapacity, nested }) {
  const texts = { [FLOAT32]: "float32", [FLOAT64]: "float64", [BOOL]: "bool", [STRING]: "string", [WSTRING]: "wstring" };
  texts[BOUNDED_STRING] = `string<=${stringCapacity}`;
  texts[BOUNDED_WSTRING] = `wstring<=${stringCapacity}`;
  const element = id === NESTED ? nested.replace("/msg/", "/") : id in INTEGERS ? INTEGERS[id][0] : texts[id];
  return element + { [ONE]: "", [ARRAY]: `[${capacity}]`, [BOUNDED]: `[<=${capacity}]`, [SEQUENCE]: "[]" }[count];
}

const join = (at, name) => (at ? `${at}.${name}` : name);

function unfit(at, expected, found) {
  const shown = typeof found === "string" ? found : typeof found === "bigint" ? `${found}` : JSON.stringify(found);
  return new TypeError(`${at || "the message"}: expected ${expected}, found ${String(shown).slice(0, 60)}`);
}

/** The description of a type from the fields of its messages, written as in .msg files. The first is the type itself. */
function describe(messages) {
  const names = Object.keys(messages);
  const ids = Object.fromEntries(Object.entries(INTEGERS).map(([id, [name]]) => [name, Number(id)]));
  Object.assign(ids, { float32: FLOAT32, float64: FLOAT64, bool: BOOL, string: STRING, wstring: WSTRING });
  const field = line => {
    const [type, name] = line.trim().split(" ");
    const [, element, , textBound, , bound, length] = type.match(/^([\w/]+)(<=(\d+))?(\[(?:<=(\d+)|(\d+))?\])?$/);
    const isNested = !(element in ids);
    const count = !type.endsWith("]") ? ONE : length ? ARRAY : bound ? BOUNDED : SEQUENCE;
    return {
      name,
      type: {
        type_id: (isNested ? NESTED : ids[element] + (textBound ? 4 : 0)) + count,
        capacity: Number(length ?? bound ?? 0),
        string_capacity: Number(textBound ?? 0),
        nested_type_name: isNested ? element : "",
      },
    };
  };
  const of = name => ({ type_name: name, fields: messages[name].trim().split("\n").map(field) });
  return JSON.stringify({ type_description: of(names[0]), referenced_type_descriptions: names.slice(1).sort().map(of) });
}

/** What a node says of itself. The bridge has no word in that. */
const NODE_CARD = describe({
  "nuncio_msgs/msg/NodeCard": `string<=256 node
    string<=64 domain
    uint64 epoch
    builtin_interfaces/msg/Time started
    builtin_interfaces/msg/Time stamp
    string<=64 version
    string<=1024 discovery
    string<=256[<=16] locators
    nuncio_msgs/msg/CardPublisher[<=1024] publishers
    nuncio_msgs/msg/CardSubscriber[<=1024] subscribers
    nuncio_msgs/msg/CardService[<=256] services
    string<=16384 certificates
    string<=8192 successions
    nuncio_msgs/msg/TrustMark[<=16] trust_marks`,
  "builtin_interfaces/msg/Time": "int32 sec\nuint32 nanosec",
  "nuncio_msgs/msg/CardPublisher": `string<=256 topic
    string<=256 type_name
    uint8[32] type_hash
    uint64 writer
    uint64 next_number
    uint8 reliability
    uint8 durability
    uint32 depth
    uint8 history
    uint64 deadline_ns
    uint64 lifespan_ns
    uint8 liveliness
    uint64 lease_ns
    uint64 journal_since
    uint64 journal_first`,
  "nuncio_msgs/msg/CardService": `string<=256 name
    string<=256 type_name
    uint8[32] type_hash
    bool is_server
    uint64 writer
    uint64 next_number`,
  "nuncio_msgs/msg/CardSubscriber": `string<=256 topic
    string<=256 type_name
    uint8[32] type_hash
    uint8 reliability
    uint8 durability
    uint32 depth
    uint64 deadline_ns
    uint8 liveliness
    uint64 lease_ns`,
  "nuncio_msgs/msg/TrustMark": "uint8[32] anchor\nuint64 serial",
});

const TYPE_DEFINITION = describe({
  "nuncio_msgs/msg/TypeDefinition": `string<=256 type_name
    uint8[32] type_hash
    nuncio_msgs/msg/TypeSource[<=1024] sources
    string<=4194304 type_description`,
  "nuncio_msgs/msg/TypeSource": "string<=256 type_name\nstring<=1048576 text",
});

// --- Frames ---------------------------------------------------------------------------------------------------------

/** The writer of the `index`th publisher of a node on a topic. */
export function writerOf(node, topic, index) {
  const parts = new Writer().part(TEXT.encode(node)).part(TEXT.encode(topic)).part(new Writer().u32(index).bytes());
  return new DataView(blake3(parts.bytes()).buffer).getBigUint64(0, true);
}

/** Where a frame belongs: signed, and not sent. */
function contextOf(domain, place, type, kind, requestId) {
  const parts = [domain, place, type.name].map(text => TEXT.encode(text)).concat([type.hash, Uint8Array.of(kind), requestId]);
  return blake3(parts.reduce((out, part) => out.part(part), new Writer()).bytes());
}

/** A frame of one message, signed by `sign`. */
export async function sealFrame(sign, frame) {
  const { key, domain, place, type, kind, requestId = new Uint8Array(), writer, epoch, number, timeNs, payload } = frame;
  const head = new Writer().put(Uint8Array.of(0x4e, 0x75, 1, 1, 0, kind, 1, 0)).put(key);
  head.u64(writer).u64(epoch).u64(number).u64(BigInt.asUintN(64, timeNs)).put(type.hash.subarray(0, 8));
  const unsigned = head.varint(0).varint(payload.length).put(payload).bytes();
  const context = contextOf(domain, place, type, kind, requestId);
  const leaf = blake3(new Writer().u8(0).put(context).put(blake3(unsigned)).bytes());
  const signed = new Writer().put(TEXT.encode("nuncio frame v1\0")).u8(1).put(key).u16(1).put(leaf).bytes();
  const signature = new Uint8Array(await sign(signed));
  return new Writer().put(unsigned).u16(0).u16(1).put(signature).bytes();
}

// --- Keys -----------------------------------------------------------------------------------------------------------

const newKey = () => crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);

/** Keeps keys and epochs in IndexedDB. */
class PageStore {
  #database;

  static async open() {
    const store = new PageStore();
    const opening = indexedDB.open("nuncio", 1);
    opening.onupgradeneeded = () => ["keys", "epochs"].forEach(name => opening.result.createObjectStore(name));
    store.#database = await done(opening);
    return store;
  }

  /** The key that is kept under a name; made at the first time. */
  async key(name) {
    const known = await done(this.#database.transaction("keys").objectStore("keys").get(name));
    if (known) return known;
    const made = await newKey();
    // Another page may have been faster: one transaction looks and stores.
    const keys = this.#database.transaction("keys", "readwrite", { durability: "strict" }).objectStore("keys");
    const other = await done(keys.get(name));
    if (!other) await done(keys.put(made, name));
    return other ?? made;
  }

  /** The epoch after the last one of this key, stored before it is used. */
  async nextEpoch(did, nowMs) {
    const transaction = this.#database.transaction("epochs", "readwrite", { durability: "strict" });
    const epochs = transaction.objectStore("epochs");
    const last = await done(epochs.get(did));
    const next = after(last, nowMs);
    epochs.put(String(next), did);
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    return next;
  }
}

/** Keys and epochs of this process alone. */
class MemoryStore {
  #keys = new Map();
  #epochs = new Map();

  async key(name) {
    if (!this.#keys.has(name)) this.#keys.set(name, await newKey());
    return this.#keys.get(name);
  }
  async nextEpoch(did, nowMs) {
    const next = after(this.#epochs.get(did), nowMs);
    this.#epochs.set(did, String(next));
    return next;
  }
}

const memory = new MemoryStore();
const done = request =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function after(last, nowMs) {
  const now = BigInt(nowMs);
  const next = last === undefined ? now : BigInt(last) + 1n;
  const epoch = next > now ? next : now;
  if (epoch > U64_MAX) throw new Error("this key cannot start again: its last epoch is the highest number there is");
  return epoch;
}

// --- The node -------------------------------------------------------------------------------------------------------

/** What the bridge refused, with its word for the reason. */
export class RefusedError extends Error {
  constructor({ reason, text }) {
    super(text);
    this.name = "RefusedError";
    this.reason = reason;
  }
}

/** The page as a node. Made by `Nuncio.connect`. */
class Node {
  #socket;
  #key;
  #publicKey;
  #epoch;
  #started = Date.now();
  #cardNumber = 1n;
  #cardType;
  #definitionType;
  #certificates;
  #publishers = new Map();
  #indexes = new Map();
  /** What is sent goes out in this order, whatever is signed first. */
  #sending = Promise.resolve();
  #asked = new Map();
  #nextId = 1;
  #shown = [];
  #frames = new Map();
  #entered;
  #onRefused;

  /** Resolves, with the reason, when the connection has ended. */
  closed;

  constructor(name, domain, identity, options) {
    this.name = name;
    this.domain = domain;
    this.did = identity.did;
    this.#key = identity.key;
    this.#publicKey = identity.publicKey;
    this.#epoch = identity.epoch;
    this.#certificates = options.certificates ?? "";
    this.#onRefused = options.onRefused ?? (error => console.warn(`nuncio: ${error.message}`));
  }

  get epoch() {
    return this.#epoch;
  }

  async open(url, options) {
    this.#cardType = await MessageType.of(NODE_CARD);
    this.#definitionType = await MessageType.of(TYPE_DEFINITION);
    const Socket = options.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new Error("there is no WebSocket here; give one as options.WebSocket");
    this.#socket = new Socket(addressOf(url), ["nuncio.v1"]);
    this.#socket.binaryType = "arraybuffer";
    const entered = new Promise((resolve, reject) => (this.#entered = { resolve, reject }));
    this.closed = new Promise(resolve => {
      this.#socket.onclose = event => {
        const reason = event.reason || "the connection to the bridge has ended";
        this.#fail(new Error(reason));
        resolve(reason);
      };
    });
    this.#socket.onerror = () => this.#fail(new Error(`no connection to the bridge at ${url}`));
    this.#socket.onmessage = event => this.#hear(event.data);
    this.#socket.onopen = () => {
      const hello = { op: "hello", node: this.name, key: this.did, epoch: String(this.#epoch) };
      this.#say(options.token === undefined ? hello : { ...hello, token: options.token });
    };
    await entered;
  }

  /**
   * A publisher of a type such as "geometry_msgs/msg/Twist". Options: `hash`, the RIHS01 hash that the type must have;
   * `reliability`, "reliable" or "best_effort"; `depth`.
   */
  async publisher(topic, typeName, options = {}) {
    const { description } = await this.#ask({ op: "type", name: typeName, topic });
    const type = await MessageType.of(description);
    if (type.name !== typeName) throw new Error(`the bridge describes ${type.name} where ${typeName} was asked for`);
    if (options.hash !== undefined && options.hash !== type.hashText) {
      throw new Error(`the bridge describes ${typeName} with the hash ${type.hashText}, expected ${options.hash}`);
    }
    const index = this.#indexes.get(topic) ?? 0;
    this.#indexes.set(topic, index + 1);
    const publisher = new Publisher(this, topic, type, writerOf(this.name, topic, index), options);
    this.#publishers.set(publisher.writer, publisher);
    try {
      await this.#show();
    } catch (error) {
      this.#publishers.delete(publisher.writer);
      throw error;
    }
    return publisher;
  }

  /** Leaves the fabric. What was published and not passed on by then is lost. */
  async close() {
    this.#socket.close();
    await this.closed;
  }

  /** Called by publishers. */
  async publish(publisher, payload) {
    if (this.#socket.readyState !== 1) throw new Error("the node is closed; connect again");
    if (this.#socket.bufferedAmount > WAITING_BYTES_MAX) throw new Error("the connection does not take more now; publish less");
    const number = publisher.nextNumber++;
    const { topic: place, type, writer } = publisher;
    const sealed = this.#seal({ place, type, kind: KIND_MESSAGE, writer, number, payload });
    const passed = new Promise((resolve, reject) => this.#frames.set(`${digits(writer)} ${number}`, { resolve, reject }));
    this.#send(0, sealed);
    return passed;
  }

  /** Called by publishers. */
  async retire(publisher) {
    if (this.#publishers.delete(publisher.writer)) await this.#show();
  }

  #seal(frame) {
    const sign = bytes => crypto.subtle.sign({ name: "Ed25519" }, this.#key.privateKey, bytes);
    const own = { key: this.#publicKey, domain: this.domain, epoch: this.#epoch };
    return sealFrame(sign, { ...own, timeNs: BigInt(Date.now()) * 1000000n, ...frame });
  }

  /** The card as it is now, for a nonce; for none when it is shown. */
  #card(requestId) {
    const card = {
      node: this.name,
      domain: this.domain,
      epoch: this.#epoch,
      started: new Date(this.#started),
      stamp: new Date(),
      version: "nuncio.js 1",
      discovery: "a web page, through a bridge",
      publishers: Array.from(this.#publishers.values(), publisher => publisher.entry()),
      certificates: this.#certificates,
    };
    const number = this.#cardNumber++;
    const writer = writerOf(this.name, "@card", 0);
    const payload = this.#cardType.encode(card);
    return this.#seal({ place: this.name, type: this.#cardType, kind: KIND_CARD, requestId, writer, number, payload });
  }

  #show() {
    const shown = new Promise((resolve, reject) => this.#shown.push({ resolve, reject }));
    this.#send(0, this.#card(new Uint8Array()));
    return shown;
  }

  /** The definition of a type of one of the publishers: nothing but what the hash covers, whatever the bridge has told. */
  #definition(hash, requestId) {
    const publisher = Array.from(this.#publishers.values()).find(publisher => publisher.type.hashText === hash);
    if (!publisher) return null;
    const { type } = publisher;
    const definition = { type_name: type.name, type_hash: type.hash, sources: type.sources(), type_description: type.description };
    const payload = this.#definitionType.encode(definition);
    const writer = writerOf(this.name, "@type", 0);
    const number = this.#cardNumber++;
    return this.#seal({ place: hash, type: this.#definitionType, kind: KIND_RESPONSE, requestId, writer, number, payload });
  }

  /** Sends a frame behind its number, when it is signed and all before it have been sent. */
  #send(id, sealed) {
    const message = sealed.then(frame => new Writer().u32(id).put(frame).bytes());
    // Its own failure is the caller's; those before it have gone their way.
    this.#sending = this.#sending
      .then(() => message)
      .then(bytes => this.#socket.readyState === 1 && this.#socket.send(bytes))
      .catch(error => this.#fail(error));
  }

  #say(object) {
    this.#socket.send(JSON.stringify(object));
  }

  #ask(object) {
    const id = this.#nextId++;
    const answered = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    this.#say({ ...object, id });
    return answered;
  }

  #hear(data) {
    const said = JSON.parse(data);
    switch (said.op) {
      case "welcome":
        if (said.domain === this.domain) return;
        this.#fail(new Error(`the bridge is in domain ${said.domain}; connect with { domain: "${said.domain}" } if that is meant`));
        return this.#socket.close();
      case "question": {
        const nonce = unhex(said.nonce);
        // A nonce is no card that was pushed, and nothing else is signed for it.
        if (nonce.length !== 16) return;
        const sealed = said.about === "card" ? this.#card(nonce) : this.#definition(said.hash, nonce);
        return sealed && this.#send(said.id, sealed);
      }
      case "ready":
        return this.#entered.resolve();
      case "type":
        return settle(this.#asked, said.id, waiting => waiting.resolve(said));
      case "shown":
        return this.#shown.shift()?.resolve();
      case "passed":
        return settle(this.#frames, `${said.writer} ${said.number}`, waiting => waiting.resolve({ number: BigInt(said.number) }));
      case "refused":
        return this.#refused(said);
    }
  }

  #refused(said) {
    const error = new RefusedError(said);
    const reject = waiting => waiting.reject(error);
    if (said.card) return this.#shown.shift()?.reject(error);
    if (said.writer !== undefined) return settle(this.#frames, `${said.writer} ${said.number}`, reject);
    if (said.id !== undefined) return settle(this.#asked, said.id, reject);
    this.#entered.reject(error);
    this.#onRefused(error);
  }

  /** Nothing more comes: whoever waits hears why. */
  #fail(error) {
    this.#entered?.reject(error);
    const waiting = [...this.#asked.values(), ...this.#shown, ...this.#frames.values()];
    this.#asked.clear();
    this.#shown = [];
    this.#frames.clear();
    waiting.forEach(({ reject }) => reject(error));
  }
}

/** Publishes on one topic. */
class Publisher {
  #node;

  constructor(node, topic, type, writer, options) {
    this.#node = node;
    this.topic = topic;
    this.type = type;
    this.writer = writer;
    this.nextNumber = 1n;
    this.reliability = options.reliability ?? "reliable";
    this.depth = options.depth ?? 10;
  }

  /**
   * Signs a message and has it passed on. Fields that are left out are zero. Resolves with its number when the bridge has passed
   * it on, and rejects with what is wrong otherwise. Who publishes often need not wait: the order stays.
   */
  async publish(message) {
    return this.#node.publish(this, this.type.encode(message));
  }

  /** Takes the publisher back. */
  close() {
    return this.#node.retire(this);
  }

  entry() {
    return {
      topic: this.topic,
      type_name: this.type.name,
      type_hash: this.type.hash,
      writer: this.writer,
      next_number: this.nextNumber,
      reliability: this.reliability === "best_effort" ? 0 : 1,
      depth: this.depth,
      journal_first: 1,
    };
  }
}

const digits = writer => writer.toString(16).padStart(16, "0");

function settle(waiting, id, how) {
  const found = waiting.get(id);
  waiting.delete(id);
  if (found) how(found);
}

function addressOf(url) {
  const address = new URL(url);
  address.protocol = address.protocol.replace("http", "ws");
  if (address.pathname === "/") address.pathname = "/nuncio";
  return address.href;
}

export const Nuncio = {
  /**
   * Connects a page to a bridge, as a node. Options:
   * - `name`: the node's full name, such as "/operator";
   * - `domain`: the domain that is meant, "0" if it is left out; a bridge of another one is refused;
   * - `token`: where the bridge demands one;
   * - `key`: a pair of Ed25519 CryptoKeys, instead of the page's own; `keyName` for one of several that the page keeps;
   * - `certificates`: the text of an identity.cert, for fleets that enforce roles;
   * - `store`: keeps keys and epochs, where there is no IndexedDB: `key(name)` and `nextEpoch(did, nowMs)`;
   * - `onRefused`: called with what the bridge refuses and nobody waits for.
   */
  async connect(url, options) {
    if (!globalThis.crypto?.subtle) throw new Error("keys need a secure context: https, or http://127.0.0.1");
    const store = options.store ?? (globalThis.indexedDB ? await PageStore.open() : memory);
    const key = options.key ?? (await store.key(options.keyName ?? "default"));
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", key.publicKey));
    const did = didOf(publicKey);
    const epoch = await store.nextEpoch(did, Date.now());
    const node = new Node(options.name, options.domain ?? "0", { key, publicKey, did, epoch }, options);
    await node.open(url, options);
    return node;
  },
};

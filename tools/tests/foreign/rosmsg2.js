/**
 * Compares `nuncio interface transcode` with Foxglove's reader and writer of ROS 2 messages.
 *
 * Usage: NODE_PATH=FOLDER/node_modules node rosmsg2.js PATH_OF_NUNCIO
 * Needs from npm: `@foxglove/rosmsg` (reads schemas) and `@foxglove/rosmsg2-serialization` (writes and reads CDR).
 *
 * For each message that Nuncio ships, for the parts of its services and actions too, values are made from what
 * Foxglove's own parser reads in the schema. Each has to become the very bytes that Foxglove's writer makes of it;
 * Foxglove's reader has to get the value from Nuncio's bytes, and Nuncio the value from Foxglove's. Foxglove's writer
 * cuts texts that are not ASCII (it counts UTF-16 units where the length is one of bytes); those go to the reader only.
 */
"use strict";

const assert = require("node:assert");
const { spawn } = require("node:child_process");
const { parse } = require("@foxglove/rosmsg");
const { MessageReader, MessageWriter } = require("@foxglove/rosmsg2-serialization");

const nuncio = process.argv[2];
const BITS = { int8: 8, uint8: 8, int16: 16, uint16: 16, int32: 32, uint32: 32, int64: 64, uint64: 64 };
const PARTS = { msg: [""], srv: ["_Request", "_Response"], action: ["_Goal", "_Result", "_Feedback"] };

function run(args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(nuncio, ["interface", ...args]);
    let [out, err] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(`${args.join(" ")}: ${err}`))));
    // One that ends before it has read its input says why with its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}

/** Runs `work` on each item, two at a time. */
async function each(items, work) {
  const open = [...items];
  const worker = async () => {
    for (let item = open.shift(); item !== undefined; item = open.shift()) await work(item);
  };
  await Promise.all([worker(), worker()]);
}

/** What values are made of: something else in each field, the smallest there is, texts that are not ASCII. */
const VALUES = [
  { text: "text ", smallest: false, writable: true },
  { text: "", smallest: true, writable: true },
  { text: "é€😀", smallest: false, writable: false },
];

/** Makes values, always the same for the same type. */
class Maker {
  constructor(definitions, { text, smallest }) {
    this.definitions = new Map(definitions.map((one) => [one.name, one.definitions]));
    this.root = definitions[0].definitions;
    this.text = text;
    this.smallest = smallest;
    this.count = 0;
  }

  message(fields) {
    const made = {};
    for (const field of fields.filter((one) => !one.isConstant)) made[field.name] = this.field(field);
    return made;
  }

  field(field) {
    if (!field.isArray) return this.element(field);
    // Sequences of 0 to 2 elements: the empty one is where encoders disagree about padding.
    const most = field.arrayUpperBound ?? 2;
    const length = field.arrayLength ?? (this.smallest ? 0 : Math.min(this.count % 3, most));
    return Array.from({ length }, () => this.element(field));
  }

  /** As much of a text as a bound, in bytes, allows. */
  string(text, bound) {
    const letters = [...text];
    while (Buffer.byteLength(letters.join("")) > bound) letters.pop();
    return letters.join("");
  }

  element(field) {
    if (field.isComplex) return this.message(this.definitions.get(field.type));
    const n = this.smallest ? 0 : ++this.count;
    if (field.type === "bool") return n % 2 === 1;
    if (field.type === "string") return this.string(this.text.repeat(n % 3), field.upperBound ?? 100);
    if (field.type === "time" || field.type === "duration") return { sec: -n, nanosec: n * 7 };
    if (field.type.startsWith("float")) return n * 0.5 * (-1) ** n;
    const bits = BITS[field.type];
    const raw = BigInt(n) * 0x9e3779b97f4a7c15n;
    const value = field.type.startsWith("u") ? BigInt.asUintN(bits, raw) : BigInt.asIntN(bits, raw);
    return bits === 64 ? value : Number(value);
  }
}

/** As JSON, whole numbers of 64 bits exact. */
function toJson(value) {
  return JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `#${one}` : one)).replace(/"#(-?\d+)"/g, "$1");
}

/** What JSON says, large numbers exact. */
function fromJson(text) {
  const marked = text.replace(/([:[,])(-?\d{16,})(?=[,\]}])/g, '$1"#$2"');
  return JSON.parse(marked, (_, one) => (/^#-?\d+$/.test(one) ? BigInt(one.slice(1)) : one));
}

/** What a reader returns, with plain lists and numbers, so that values of both sides can be compared. */
function plain(value) {
  if (ArrayBuffer.isView(value)) return Array.from(value, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "bigint" && BigInt(Number(value)) === value) return Number(value);
  if (value === null || typeof value !== "object") return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

async function check(name, definitions, values) {
  const maker = new Maker(definitions, values);
  const value = maker.message(maker.root);
  const theirs = Buffer.from(new MessageWriter(definitions).writeMessage(value)).toString("hex");
  const transcode = (from, to, text) => run(["transcode", name, "--from", from, "--to", to], text);
  const ours = await transcode("json", "cdr", toJson(value)).catch((error) => {
    // Nuncio's own messages have limits that Foxglove's parser does not see. What comes as CDR is taken with a warning.
    if (!error.message.includes("the schema allows")) throw error;
    return transcode("cdr", "cdr", theirs);
  });
  const reader = new MessageReader(definitions);
  const read = reader.readMessage(Buffer.from(ours.trim(), "hex"));
  assert.deepStrictEqual(plain(read), plain(value), `${name}: read by Foxglove`);
  assert.ok(!reader.lastReadHadTrailingBytes(), `${name}: Foxglove did not read to the end`);
  if (!values.writable) return;
  assert.equal(ours.trim(), theirs, `${name}: other bytes than Foxglove's`);
  const back = fromJson(await transcode("cdr", "json", theirs));
  assert.deepStrictEqual(plain(back), plain(value), `${name}: read by Nuncio`);
}

async function main() {
  const listed = (await run(["hash", "--json"])).trim().split("\n").map((line) => JSON.parse(line).type);
  const files = listed.filter((name) => !name.split("/")[2].includes("_"));
  const shown = new Map();
  await each(files, async (name) => shown.set(name, JSON.parse(await run(["show", name, "--json"]))));
  const texts = new Map(files.map((name) => [name, qualified(name, shown.get(name).definition)]));
  /** The definitions of all messages that a file refers to. */
  const referenced = (file) =>
    shown
      .get(file)
      .type_description.referenced_type_descriptions.map((one) => one.type_name)
      .filter((name) => name.split("/")[1] === "msg")
      .map((name) => `\n${"=".repeat(80)}\nMSG: ${name.replace("/msg/", "/")}\n${texts.get(name)}`)
      .join("");

  const skipped = [];
  let checked = 0;
  const types = files.flatMap((file) => {
    const parts = PARTS[file.split("/")[1]];
    const sections = parts.length === 1 ? [texts.get(file)] : texts.get(file).split(/^---[ \t]*$/m);
    return parts.map((part, index) => [file + part, sections[index] + referenced(file)]);
  });
  await each(types, async ([name, text]) => {
    const definitions = reachable(parse(text, { ros2: true }));
    if (definitions.some((one) => one.definitions.some((field) => field.type === "wstring" && !field.isConstant))) {
      skipped.push(name);
      return;
    }
    const limited = name.startsWith("nuncio_msgs/");
    for (const values of VALUES.filter((one) => one.writable || !limited)) await check(name, definitions, values);
    checked += 1;
  });
  console.log(`${checked} types have the bytes of @foxglove/rosmsg2-serialization and are read alike`);
  if (skipped.length > 0) console.log(`not compared, because it has no wstring: ${skipped.sort().join(", ")}`);
  process.exit(checked >= 300 ? 0 : 1);
}

/** A schema in which names of messages have their package: parts of services have no name to tell it to the parser. */
function qualified(name, text) {
  return text.replace(/^([A-Z][A-Za-z0-9]*)(?=[\s[])/gm, `${name.split("/")[0]}/$1`);
}

/** The first definition, and those that it is made of; without constants, which hide an empty message from Foxglove. */
function reachable(definitions) {
  const known = new Map(definitions.map((one) => [one.name, one]));
  const found = new Set([definitions[0]]);
  for (const one of found) {
    for (const field of one.definitions.filter((field) => field.isComplex)) {
      assert.ok(known.has(field.type), `no definition of ${field.type}`);
      found.add(known.get(field.type));
    }
  }
  return [...found].map((one) => ({ ...one, definitions: one.definitions.filter((field) => !field.isConstant) }));
}

main();

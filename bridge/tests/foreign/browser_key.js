// A web page with a key of its own, in headless Chromium: what it publishes by nuncio.js is seen under the page's key.
//
// Usage: node browser_key.js PATH_OF_NUNCIO
// Needs from npm: `playwright-core`, `ws`; from the system: chromium (or CHROMIUM with the path of one).
//
// The payloads of nuncio.js have to be, byte for byte, those that `nuncio interface transcode` makes, for fields of every kind, and
// its type hashes those of `nuncio interface hash`. `nuncio topic echo` has to name the page's key, and the definition of a type
// that it was not built with has to come from the page. A bridge that lies about a type or its domain has to be found out.

"use strict";
const assert = require("node:assert");
const { spawn, execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");
const { chromium } = require("playwright-core");
const { WebSocket, WebSocketServer } = require("ws");

const [nuncio] = process.argv.slice(2);
const MODULE = path.join(__dirname, "../../src/browser/nuncio.js");
const home = fs.mkdtempSync(path.join(os.tmpdir(), "browser_key_"));
const TIMEOUT_MS = 60000;
const running = [];

// A package with fields of every kind, which the bridge and the page get to know by its text.
const EVERY_KIND = `
bool flag
byte octet
char letter
int8 i8
uint8 u8
int16 i16
uint16 u16
int32 i32
uint32 u32
int64 i64
uint64 u64
float32 f32
float64 f64
string text
wstring wide
string<=9 short_text
wstring<=9 short_wide
uint8[] octets
uint8[4] four_octets
int16[] numbers
uint64[<=3] few
float32[2] pair
string[] texts
string<=5[<=2] short_texts
Inner inner
Inner[] inners
Inner[2] two
builtin_interfaces/Time stamp
Nothing nothing
int32 standard 7
`;
const INNER = "float64 x\nbool[] flags\n";


const VALUES = [
  ["every_kind/msg/Everything", {}, { standard: 0 }],
  [
    "every_kind/msg/Everything",
    {
      flag: true, octet: 255, letter: 65, i8: -128, u8: 200, i16: -32768, u16: 65535, i32: -2147483648, u32: 4294967295,
      i64: "-9223372036854775808", u64: "18446744073709551615", f32: 0.1, f64: -1e-300, text: "grüße\n", wide: "😀",
      short_text: "123456789", short_wide: "äöü😀", octets: [0, 1, 255], four_octets: [1, 2, 3, 4], numbers: [-1, 0, 1, 300, -300],
      few: [1, "9007199254740993"], pair: [1.5, -2], texts: ["", "a", "b".repeat(200)], short_texts: ["12345"],
      inner: { x: 3.25, flags: [true, false] }, inners: [{}, { x: 1 }], two: [{ x: 1 }, { flags: [true] }],
      stamp: { sec: -5, nanosec: 999999999 }, standard: -7,
    },
  ],
  ["geometry_msgs/msg/Twist", { linear: { x: 0.5 }, angular: { z: -1 } }],
  ["sensor_msgs/msg/Image", { height: 480, width: 640, encoding: "rgb8", data: Array.from({ length: 5000 }, (_, i) => i % 256) }],
  ["sensor_msgs/msg/Imu", { header: { frame_id: "imu" }, orientation: { w: 1 }, angular_velocity_covariance: [-1, 0, 0, 0, 0, 0, 0, 0, 0] }],
  ["std_msgs/msg/Empty", {}],
];

// Values that do not fit Everything, and the place that the error has to name.
const UNFIT = [
  [{ u8: 256 }, "u8"], [{ i8: 1.5 }, "i8"], [{ u64: "18446744073709551616" }, "u64"], [{ f32: 1e300 }, "f32"], [{ flag: 1 }, "flag"],
  [{ text: 5 }, "text"], [{ text: "\ud800" }, "text"], [{ short_text: "1234567890" }, "short_text"], [{ few: [1, 2, 3, 4] }, "few"],
  [{ pair: [1] }, "pair"], [{ inner: { y: 1 } }, "inner.y"], [{ inners: [{ flags: [1] }] }, "inners[0].flags[0]"], [{ no_such: 1 }, "no_such"],
  [{ octets: "AAEC" }, "octets"], [{ stamp: null }, "stamp"],
];

const environment = who => ({ ...process.env, NUNCIO_HOME: path.join(home, who), NUNCIO_DISCOVERY: "off" });

function inTime(promise, what) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`expected ${what}, nothing in time`)), TIMEOUT_MS).unref());
  return Promise.race([promise, late]);
}

function start(who, ...args) {
  const program = spawn(nuncio, args, { env: environment(who), stdio: ["ignore", "pipe", "pipe"] });
  program.said = "";
  program.stderr.on("data", text => (program.said += text));
  program.lines = readline.createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  running.push(program);
  return program;
}

// The next object that a program prints.
async function line(program, what) {
  const { value, done } = await inTime(program.lines.next(), what);
  assert.ok(!done, `expected ${what}, the program has ended: ${program.said}`);
  return JSON.parse(value);
}

function writeTypes() {
  const types = path.join(home, "types");
  fs.mkdirSync(path.join(types, "every_kind/msg"), { recursive: true });
  for (const [name, text] of Object.entries({ Everything: EVERY_KIND, Inner: INNER, Nothing: "" })) {
    fs.writeFileSync(path.join(types, `every_kind/msg/${name}.msg`), text);
  }
  return types;
}

// What nuncio.js hashes and encodes is what the runtime does.
async function encodes(page, types) {
  for (const [name, value, standard] of VALUES) {
    const [hash, payload] = await page.evaluate(async ([name, value]) => {
      const publisher = await window.node.publisher("/vectors/" + name.replaceAll("/", "_").toLowerCase(), name);
      const payload = publisher.type.encode(value);
      await publisher.close();
      return [publisher.type.hashText, Array.from(payload, byte => byte.toString(16).padStart(2, "0")).join("")];
    }, [name, value]);
    const known = JSON.parse(execFileSync(nuncio, ["interface", "hash", "--json", "--path", types, name], { env: environment("tool") }));
    assert.strictEqual(hash, known.hash, name);
    const input = JSON.stringify({ ...standard, ...value });
    const transcode = ["interface", "transcode", "--path", types, name, "--from", "json", "--to", "postcard"];
    const expected = execFileSync(nuncio, transcode, { input, env: environment("tool"), encoding: "utf8" });
    assert.strictEqual(payload, expected.trim(), `${name} ${input}`);
  }
  const messages = await page.evaluate(async values => {
    const publisher = await window.node.publisher("/vectors/unfit", "every_kind/msg/Everything");
    const tried = values.map(([value]) => {
      try {
        publisher.type.encode(value);
        return "taken";
      } catch (error) {
        return error.message;
      }
    });
    await publisher.close();
    return tried;
  }, UNFIT);
  messages.forEach((message, index) => assert.ok(message.startsWith(UNFIT[index][1] + ":"), `${message} for ${JSON.stringify(UNFIT[index])}`));
}

// Hashes of the official test vectors of BLAKE3 (github.com/BLAKE3-team/BLAKE3), whose input counts from 0 to 250 again and again.
const BLAKE3 = {
  0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
  1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
  1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
  1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
  2049: "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
  102400: "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
};

async function hashes(page) {
  const found = await page.evaluate(lengths => lengths.map(length => {
    const input = new Uint8Array(length).map((_, index) => index % 251);
    return Array.from(window.nuncio.blake3(input), byte => byte.toString(16).padStart(2, "0")).join("");
  }), Object.keys(BLAKE3).map(Number));
  assert.deepStrictEqual(found, Object.values(BLAKE3));
}

// A page that has loaded the module.
async function open(context, site, module) {
  const page = await context.newPage();
  page.on("pageerror", error => (site.complaints = [...(site.complaints ?? []), String(error)]));
  await page.goto(site.address);
  await page.evaluate(async module => (window.nuncio = await import(module)), module);
  return page;
}

const connect = (page, url, options) => page.evaluate(async ([url, options]) => {
  window.node = await window.nuncio.Nuncio.connect(url, options);
  return { did: window.node.did, epoch: String(window.node.epoch) };
}, [url, options]);

// Publishes again and again until a program prints what it has received.
async function received(page, program, topic, type, message, what) {
  await page.evaluate(async ([topic, type, message]) => {
    const publisher = await window.node.publisher(topic, type);
    window.publishing = setInterval(() => publisher.publish(message).catch(error => (window.failed = error.message)), 50);
  }, [topic, type, message]);
  const found = await line(program, what);
  const failed = await page.evaluate(() => (clearInterval(window.publishing), window.failed));
  assert.strictEqual(failed, undefined);
  return found;
}

async function publishes(page, beside, who) {
  const echo = beside("reader", "topic", "echo", "--verbose", "/cmd_vel");
  const twist = await received(page, echo, "/cmd_vel", "geometry_msgs/msg/Twist", { linear: { x: 0.25 } }, "a message on /cmd_vel");
  assert.strictEqual(twist.message.linear.x, 0.25);
  assert.deepStrictEqual([twist.signer, twist.node], [who.did, "/operator"], JSON.stringify(twist));
  assert.strictEqual(twist.origin ?? null, null, "it is nobody's message but the page's");
  // A type that the reader was not built with is asked of the page, which signs what it says of it.
  const spelled = beside("reader2", "topic", "echo", "/everything");
  const [name, value] = VALUES[1];
  const everything = await received(page, spelled, "/everything", name, value, "a message of a type that the reader does not have");
  assert.deepStrictEqual([everything.message.text, everything.message.i8, everything.message.inners.length], [value.text, -128, 2]);
}

// What the bridge does not take is an error of the call that it concerns.
async function isRefused(page) {
  const reasons = await page.evaluate(async () => {
    const reason = promise => promise.then(() => "taken", error => error.reason ?? error.message);
    const { node } = window;
    return [
      await reason(node.publisher("/secret", "geometry_msgs/msg/Twist")),
      await reason(node.publisher("/cmd_vel", "std_msgs/msg/String")),
      await reason(node.publisher("/vectors/a", "no_such/msg/Type")),
      await reason(node.publisher("/vectors/a", "geometry_msgs/msg/Twist", { hash: "RIHS01_" + "0".repeat(64) })),
      await reason(node.publisher("/vectors/a", "geometry_msgs/msg/Twist")),
    ];
  });
  assert.deepStrictEqual(reasons.slice(0, 3), ["no_route", "other_type", "unknown_type"]);
  assert.match(reasons[3], /expected RIHS01_0000/);
  assert.strictEqual(reasons[4], "taken", "the node stays in good standing");
}

// The key stays in the browser, and starts are counted; another name has no other key, another browser has.
async function staysItself(context, browser, site, module, url, first) {
  const page = await open(context, site, module);
  const again = await connect(page, url, { name: "/operator" });
  assert.strictEqual(again.did, first.did);
  assert.ok(BigInt(again.epoch) > BigInt(first.epoch), `${again.epoch} after ${first.epoch}`);
  const exported = await page.evaluate(() => new Promise((resolve, reject) => {
    const opening = indexedDB.open("nuncio");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const got = opening.result.transaction("keys").objectStore("keys").get("default");
      got.onsuccess = () => crypto.subtle.exportKey("pkcs8", got.result.privateKey).then(() => resolve("the key"), error => resolve(error.name));
    };
  }));
  assert.strictEqual(exported, "InvalidAccessError", "the private key cannot be taken out");
  const elsewhere = await open(await browser.newContext(), site, module);
  await assert.rejects(connect(elsewhere, url, { name: "/operator" }), /the name \/operator belongs to/);
}

// A man in the middle, as a bridge could be one: `change` has a say in everything that passes.
function between(url, change) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => "nuncio.v1" });
  server.on("connection", page => {
    const bridge = new WebSocket(url + "/nuncio", ["nuncio.v1"]);
    const waiting = [];
    const pass = (to, from) => (data, isBinary) => {
      const changed = change(isBinary ? Buffer.from(data) : data.toString(), from);
      const send = () => to.send(changed, { binary: isBinary });
      if (to.readyState === WebSocket.CONNECTING) waiting.push(send);
      else send();
    };
    page.on("message", pass(bridge, "page"));
    bridge.on("message", pass(page, "bridge"));
    bridge.on("open", () => waiting.forEach(send => send()));
    bridge.on("close", () => page.close());
    page.on("close", () => bridge.close());
  });
  running.push({ kill: () => server.close() });
  return new Promise(resolve => server.on("listening", () => resolve(`ws://127.0.0.1:${server.address().port}`)));
}

async function findsOutLies(browser, site, module, url) {
  const page = await open(await browser.newContext(), site, module);
  const other = await between(url, (data, from) => (from === "bridge" ? String(data).replace('"domain":"0"', '"domain":"7"') : data));
  await assert.rejects(connect(page, other, { name: "/other" }), /the bridge is in domain 7/);
  // A bit of the speed, which the page has signed otherwise.
  const altering = await between(url, (data, from) => {
    if (from === "page" && Buffer.isBuffer(data) && data[4 + 5] === 0) data[4 + 90] ^= 1;
    return data;
  });
  await connect(page, altering, { name: "/altered" });
  const reason = await page.evaluate(async () => {
    const publisher = await window.node.publisher("/vectors/altered", "geometry_msgs/msg/Twist");
    return publisher.publish({ linear: { x: 1 } }).then(() => "taken", error => error.reason);
  });
  assert.strictEqual(reason, "BadSignature");
  await page.evaluate(() => window.node.close());
  // Another order of the fields, under the same name: what the page signs then is of another type, and it knows.
  const swapping = await between(url, data => (String(data).startsWith('{"') ? String(data).replace("linear", "x").replace("angular", "linear").replace('"x', '"angular') : data));
  await connect(page, swapping, { name: "/swapped" });
  const expected = JSON.parse(execFileSync(nuncio, ["interface", "hash", "--json", "geometry_msgs/msg/Twist"], { env: environment("tool") })).hash;
  const swapped = await page.evaluate(async hash => {
    const made = window.node.publisher("/vectors/swapped", "geometry_msgs/msg/Twist", { hash });
    return made.then(() => "taken", error => error.message);
  }, expected);
  assert.match(swapped, /expected RIHS01_9c45bf16/);
}

// The same module in Node.js, which has no IndexedDB: a key of this process.
async function runsInNode(url) {
  const copy = path.join(home, "nuncio.mjs");
  fs.copyFileSync(MODULE, copy);
  const { Nuncio } = await import(copy);
  const node = await Nuncio.connect(url, { name: "/script", WebSocket });
  const publisher = await node.publisher("/vectors/script", "geometry_msgs/msg/Twist", { reliability: "best_effort" });
  const numbers = await Promise.all([1, 2, 3].map(x => publisher.publish({ linear: { x } })));
  assert.deepStrictEqual(numbers, [{ number: 1n }, { number: 2n }, { number: 3n }]);
  await node.close();
  await assert.rejects(publisher.publish({}), /closed/);
}

async function main() {
  const types = writeTypes();
  const port = await new Promise(resolve => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
  const endpoint = `tcp/127.0.0.1:${port}`;
  const allowed = ["/cmd_vel", "/everything", "/vectors/**"].flatMap(pattern => ["--allow", pattern]);
  const bridge = start("bridge", "bridge", "rosbridge", "--port", "0", ...allowed, "--interfaces", types, "--listen", endpoint, "--json");
  const url = (await line(bridge, "the bridge to be ready")).faces[0].address;
  const beside = (who, ...args) => start(who, ...args, "--connect", endpoint, "--json");
  const module = url.replace("ws:", "http:") + "/nuncio.js";
  const served = await (await fetch(module)).text();
  assert.strictEqual(served, fs.readFileSync(MODULE, "utf8"), "the bridge serves the module as it is here");
  // The application's own page, which is not the bridge's.
  const server = http.createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>operator</title>"));
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
  running.push({ kill: () => server.close() });
  const site = { address: `http://127.0.0.1:${server.address().port}/` };
  const executablePath = process.env.CHROMIUM || execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const context = await browser.newContext();
    const page = await open(context, site, module);
    await hashes(page);
    const who = await connect(page, url, { name: "/operator" });
    assert.match(who.did, /^did:key:z6Mk/);
    await encodes(page, types);
    await publishes(page, beside, who);
    await isRefused(page);
    await page.evaluate(() => window.node.close());
    await staysItself(context, browser, site, module, url, who);
    await findsOutLies(browser, site, module, url);
    await runsInNode(url);
    assert.deepStrictEqual(site.complaints ?? [], []);
  } finally {
    await browser.close();
  }
  console.log("a page signs with a key of its own: its messages are seen under that key, and a bridge that alters them or lies is found out");
}

main()
  .catch(error => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => {
    for (const program of running) program.kill("SIGKILL");
    fs.rmSync(home, { recursive: true, force: true });
  });

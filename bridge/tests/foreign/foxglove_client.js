/**
 * Talks to `nuncio bridge foxglove` as Foxglove and Lichtblick do, with Foxglove's own client and CDR codec.
 *
 * Usage: NODE_PATH=FOLDER/node_modules node foxglove_client.js PATH_OF_NUNCIO
 * Needs openssl, and from npm: `@foxglove/ws-protocol` (the client), `ws`, `@foxglove/rosmsg` and `@foxglove/rosmsg2-serialization`.
 *
 * With each subprotocol alone, and with both: topics are decoded by the schema that the bridge gives, what the client
 * publishes arrives at `nuncio topic echo` with the bridge's signature, services answer in CDR and in JSON, parameters
 * are read, set and followed, a refused message is a status, a second client gets the latched sample. Then the time of a
 * simulation, tokens, and TLS.
 */
"use strict";

const assert = require("node:assert");
const { execFileSync, spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { FoxgloveClient } = require("@foxglove/ws-protocol");
const { parse } = require("@foxglove/rosmsg");
const { MessageReader, MessageWriter } = require("@foxglove/rosmsg2-serialization");
const { WebSocket } = require("ws");

const nuncio = process.argv[2];
const SECONDS_MAX = 60;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio_foxglove_"));
const running = [];

/** What `find` gives, as soon as it gives something; it is asked again whenever something may have changed. */
async function until(what, find) {
  const end = Date.now() + SECONDS_MAX * 1000;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    assert(Date.now() < end, `waited ${SECONDS_MAX} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** A run of nuncio with the keys of `who`; with the JSON objects that it has printed. */
function start(who, args) {
  const env = { ...process.env, NUNCIO_HOME: path.join(folder, who), NUNCIO_DISCOVERY: "off" };
  const child = spawn(nuncio, [...args, "--json"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const run = { child, lines: [], talk: "" };
  let rest = "";
  child.stdout.on("data", (data) => {
    const lines = (rest + data).split("\n");
    rest = lines.pop();
    for (const line of lines) run.lines.push(JSON.parse(line));
  });
  child.stderr.on("data", (data) => (run.talk += data));
  running.push(run);
  return run;
}

async function stop(run) {
  if (run.child.exitCode === null && run.child.signalCode === null) {
    run.child.kill("SIGINT");
    await once(run.child, "exit");
  }
}

/** A bridge that serves, its address, and the endpoint where nodes reach it. */
async function bridge(args) {
  const endpoint = `tcp/127.0.0.1:${await freePort()}`;
  const run = start("bridge", ["bridge", ...args, "--listen", endpoint]);
  const ready = await until("the bridge", () => {
    assert(run.child.exitCode === null, `the bridge has ended: ${run.talk}`);
    return run.lines.find((line) => line.event === "ready");
  });
  await until("the line for people", () => run.talk.includes("ready"));
  return { run, endpoint, key: ready.key, url: ready.faces[0].address };
}

/** Foxglove's client, with everything that it has heard. */
class Viewer {
  constructor(url, protocols, options) {
    this.socket = new WebSocket(url, protocols, options);
    this.client = new FoxgloveClient({ ws: this.socket });
    this.channels = new Map();
    this.services = new Map();
    this.messages = [];
    this.heard = { status: [], parameterValues: [], connectionGraphUpdate: [], serviceCallResponse: [], serviceCallFailure: [] };
    this.errors = [];
    this.client.on("error", (error) => this.errors.push(error));
    this.client.on("serverInfo", (info) => (this.info = info));
    this.client.on("advertise", (list) => list.forEach((channel) => this.channels.set(channel.topic, channel)));
    this.client.on("unadvertise", (ids) => {
      for (const [topic, channel] of this.channels) if (ids.includes(channel.id)) this.channels.delete(topic);
    });
    this.client.on("advertiseServices", (list) => list.forEach((service) => this.services.set(service.name, service)));
    this.client.on("message", (message) => this.messages.push(message));
    for (const event of Object.keys(this.heard)) this.client.on(event, (message) => this.heard[event].push(message));
  }

  channel(topic) {
    return until(`the channel ${topic}`, () => this.channels.get(topic));
  }

  async subscribe(topic) {
    const channel = await this.channel(topic);
    assert.strictEqual(channel.encoding, "cdr");
    assert.strictEqual(channel.schemaEncoding, "ros2msg");
    const reader = new MessageReader(parse(channel.schema, { ros2: true }));
    const id = this.client.subscribe(channel.id);
    return { id, reader };
  }

  /** The first decoded message of a subscription that `fits`. */
  next({ id, reader }, what, fits = () => true) {
    return until(what, () => {
      for (const message of this.messages) {
        if (message.subscriptionId === id) {
          const decoded = reader.readMessage(message.data);
          if (fits(decoded)) return decoded;
        }
      }
    });
  }

  hears(event, what, fits) {
    return until(what, () => this.heard[event].find(fits));
  }

  async call(service, callId, encoding, data) {
    this.client.sendServiceCallRequest({ serviceId: service.id, callId, encoding, data });
    return await until(`the response ${callId}`, () => {
      const failure = this.heard.serviceCallFailure.find((one) => one.callId === callId);
      assert(failure === undefined, failure?.message);
      return this.heard.serviceCallResponse.find((one) => one.callId === callId);
    });
  }

  async close() {
    this.client.close();
    if (this.socket.readyState !== WebSocket.CLOSED) await once(this.socket, "close");
  }
}

/** The words that somebody is turned away with. */
function turnedAway(url, options) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, ["foxglove.sdk.v1"], options);
    socket.on("open", () => reject(new Error(`${url} let in`)));
    socket.on("error", () => {});
    socket.on("unexpected-response", (_request, response) => {
      let text = "";
      response.on("data", (data) => (text += data));
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
  });
}

async function checkTopics(viewer) {
  const chatter = await viewer.subscribe("/chatter");
  const text = await viewer.next(chatter, "a message on /chatter");
  assert.deepStrictEqual(text, { data: "hello" });
  const poses = await viewer.subscribe("/pose");
  const pose = await viewer.next(poses, "a message on /pose");
  assert.strictEqual(pose.header.frame_id, "map");
  assert.strictEqual(pose.pose.position.x, 1.5);
  const latched = await viewer.subscribe("/map_name");
  assert.deepStrictEqual(await viewer.next(latched, "the latched message"), { data: "cellar" });
  const signers = await viewer.subscribe("/nuncio/signers");
  const isTold = (array) => array.status.some((status) => status.name.startsWith("/chatter: "));
  const told = await viewer.next(signers, "the signer of /chatter", isTold);
  const signer = told.status.find((status) => status.name.startsWith("/chatter: "));
  assert(signer.hardware_id.startsWith("did:key:z6Mk"), JSON.stringify(signer));
}

async function checkPublishing(viewer, echo, key, number) {
  const schema = "float64 x\nfloat64 y\nfloat64 z";
  const writer = new MessageWriter(parse(schema, { ros2: true }));
  const channel = { topic: "/point", encoding: "cdr", schemaName: "geometry_msgs/msg/Point", schema, schemaEncoding: "ros2msg" };
  const inCdr = viewer.client.advertise(channel);
  viewer.client.sendMessage(inCdr, writer.writeMessage({ x: number, y: -1, z: 0.5 }));
  const json = viewer.client.advertise({ topic: "/point", encoding: "json", schemaName: "geometry_msgs/Point" });
  viewer.client.sendMessage(json, new TextEncoder().encode(JSON.stringify({ x: number + 0.5 })));
  for (const expected of [
    { x: number, y: -1, z: 0.5 },
    { x: number + 0.5, y: 0, z: 0 },
  ]) {
    const heard = await until(`${JSON.stringify(expected)} at the echo`, () =>
      echo.lines.find((line) => line.message?.x === expected.x),
    );
    assert.deepStrictEqual(heard.message, expected);
    const line = JSON.stringify(heard);
    assert(line.includes(key), `not signed by the bridge: ${line}`);
    assert(line.includes("foxglove:127.0.0.1:"), `not on behalf of the viewer: ${line}`);
  }
  viewer.client.unadvertise(inCdr);
}

async function checkServices(viewer) {
  const service = await until("the service", () => viewer.services.get("/robot/get_parameters"));
  assert.strictEqual(service.type, "rcl_interfaces/srv/GetParameters");
  const request = new MessageWriter(parse(service.request.schema, { ros2: true })).writeMessage({ names: ["use_sim_time"] });
  const answered = await viewer.call(service, 1, "cdr", request);
  assert.strictEqual(answered.encoding, "cdr");
  const response = new MessageReader(parse(service.response.schema, { ros2: true })).readMessage(answered.data);
  assert.strictEqual(response.values.length, 1);
  assert.strictEqual(response.values[0].type, 1);
  const inJson = await viewer.call(service, 2, "json", new TextEncoder().encode('{"names": ["use_sim_time"]}'));
  assert.strictEqual(inJson.encoding, "json");
  const decoded = JSON.parse(new TextDecoder().decode(inJson.data));
  assert.strictEqual(decoded.values[0].bool_value, response.values[0].bool_value);
}

async function checkParameters(viewer) {
  const name = "/robot.use_sim_time";
  const valueIn = (message) => message.parameters.find((parameter) => parameter.name === name)?.value;
  viewer.client.getParameters([name], "get");
  const read = await viewer.hears("parameterValues", "the parameter", (message) => message.id === "get");
  const value = valueIn(read);
  assert.strictEqual(typeof value, "boolean");
  viewer.client.subscribeParameterUpdates([name]);
  viewer.client.setParameters([{ name, value: !value }], "set");
  const set = await viewer.hears("parameterValues", "the set parameter", (message) => message.id === "set");
  assert.strictEqual(valueIn(set), !value);
  const isUpdate = (message) => message.id === undefined && valueIn(message) === !value;
  await viewer.hears("parameterValues", "the change", isUpdate);
  viewer.client.setParameters([{ name, value: "text" }]);
  await viewer.hears("status", "a refused value", (status) => status.message.includes(`${name} was not set`));
}

async function checkGraph(viewer) {
  viewer.client.subscribeConnectionGraph();
  const hasChatter = (update) => update.publishedTopics.some((topic) => topic.name === "/chatter" && topic.publisherIds.length > 0);
  await viewer.hears("connectionGraphUpdate", "the graph", hasChatter);
}

/** A publisher that comes and goes is told as a change of the graph. */
async function checkGraphChanges(url, at) {
  const viewer = new Viewer(url, ["foxglove.sdk.v1"]);
  await until("the greeting", () => viewer.info);
  await checkGraph(viewer);
  const passing = start("robot", ["topic", "pub", "/passing", "std_msgs/msg/String", "{data: by}", "--rate", "5", ...at]);
  const has = (list) => list.some((topic) => topic.name === "/passing");
  await viewer.hears("connectionGraphUpdate", "the new topic", (update) => has(update.publishedTopics));
  await stop(passing);
  await viewer.hears("connectionGraphUpdate", "the end of the topic", (update) => update.removedTopics.includes("/passing"));
  await viewer.close();
}

/** A bridge that is told to go by the time of a simulation tells it to viewers that come then. */
async function checkTime(url, at) {
  const set = start("bridge", ["param", "set", "/border", "use_sim_time", "true", ...at]);
  await until("the parameter to be set", () => set.child.exitCode !== null);
  assert.strictEqual(set.child.exitCode, 0, set.talk);
  start("robot", ["topic", "pub", "/clock", "rosgraph_msgs/msg/Clock", "{clock: {sec: 1234, nanosec: 5}}", "--rate", "20", ...at]);
  const viewer = new Viewer(url, ["foxglove.sdk.v1"]);
  await until("the greeting", () => viewer.info);
  assert(viewer.info.capabilities.includes("time"), JSON.stringify(viewer.info));
  let told;
  viewer.client.on("time", ({ timestamp }) => (told = timestamp));
  await until("the time of the simulation", () => told === 1234000000005n);
  await viewer.close();
}

async function checkOpenBridge() {
  const { run, endpoint, key, url } = await bridge(["foxglove", "--port", "0", "--name", "/border", "--allow", "/**"]);
  const at = ["--connect", endpoint];
  start("robot", ["topic", "pub", "/chatter", "std_msgs/msg/String", "{data: hello}", "--rate", "20", ...at]);
  const pose = "{header: {frame_id: map}, pose: {position: {x: 1.5}}}";
  start("robot", ["topic", "pub", "/pose", "geometry_msgs/msg/PoseStamped", pose, "--rate", "5", ...at]);
  const latching = ["--qos-durability", "transient_local", "--times", "1", "--keep-alive", "600", "--wait", "0"];
  start("robot", ["topic", "pub", "/map_name", "std_msgs/msg/String", "{data: cellar}", ...latching, ...at]);
  // Another bridge, which serves nobody: a node with parameters and their services.
  start("robot", ["bridge", "foxglove", "--port", "0", "--name", "/robot", ...at]);
  const echo = start("listener", ["topic", "echo", "/point", ...at]);

  let number = 1;
  const subprotocols = [["foxglove.sdk.v1"], ["foxglove.websocket.v1"], ["foxglove.websocket.v1", "foxglove.sdk.v1"]];
  for (const offered of subprotocols) {
    const viewer = new Viewer(url, offered);
    await until("the greeting", () => viewer.info);
    assert.strictEqual(viewer.socket.protocol, offered[offered.length - 1]);
    assert.strictEqual(viewer.info.metadata.ROS_DISTRO, "jazzy");
    await checkTopics(viewer);
    await checkPublishing(viewer, echo, key, (number += 10));
    await checkServices(viewer);
    await checkParameters(viewer);
    await checkGraph(viewer);
    assert.deepStrictEqual(viewer.errors, [], "Foxglove's client understands everything that it hears");
    await viewer.close();
  }
  await checkGraphChanges(url, at);
  await checkRefusal(url, at);
  await checkTime(url, at);
  await stop(run);
}

/** The key that was first on a topic of commands is the only one; the other's messages are refused and shown. */
async function checkRefusal(url, at) {
  const command = (who) => start(who, ["topic", "pub", "/motion", "nuncio_msgs/msg/MotionCommand", "{mode: 0, stamp: now}", "--rate", "10", ...at]);
  command("driver");
  const viewer = new Viewer(url, ["foxglove.sdk.v1"]);
  await viewer.next(await viewer.subscribe("/motion"), "a command of the driver");
  command("intruder");
  const isRefusal = (status) => status.level === 2 && status.message.includes("a message on /motion was refused, PinMismatch");
  await viewer.hears("status", "the refusal of the intruder's command", isRefusal);
  await viewer.close();
}

async function checkTokens() {
  const file = path.join(folder, "bridge.toml");
  fs.writeFileSync(path.join(folder, "operator.token"), "operator-token-0123456789\n");
  fs.writeFileSync(path.join(folder, "guest.token"), "guest-token-0123456789\n");
  fs.writeFileSync(
    file,
    `
[[route]]
topics = "/**"

[role.operator]
subscribe = ["/**"]
publish = ["/**"]
call = ["/**"]

[role.guest]
subscribe = ["/public/**"]

[[token]]
file = "operator.token"
role = "operator"

[[token]]
file = "guest.token"
role = "guest"

[foxglove]
address = "127.0.0.1:0"
`,
  );
  const { run, endpoint, url } = await bridge(["run", file]);
  for (const topic of ["/secret", "/public/news"]) {
    start("robot", ["topic", "pub", topic, "std_msgs/msg/String", "{data: x}", "--rate", "5", "--connect", endpoint]);
  }
  for (const headers of [{}, { Authorization: "Bearer wrong" }]) {
    const { status, text } = await turnedAway(url, { headers });
    assert.strictEqual(status, 401);
    assert(text.includes("token"), text);
  }
  const headers = { Authorization: "Bearer operator-token-0123456789" };
  const operator = new Viewer(url, ["foxglove.sdk.v1"], { headers });
  await operator.next(await operator.subscribe("/secret"), "a secret");
  const guest = new Viewer(`${url}/?token=guest-token-0123456789`, ["foxglove.sdk.v1"]);
  await guest.next(await guest.subscribe("/public/news"), "news");
  assert(!guest.channels.has("/secret"), "a guest sees what it may not");
  const channel = guest.client.advertise({ topic: "/public/news", encoding: "json", schemaName: "std_msgs/msg/String" });
  guest.client.sendMessage(channel, new TextEncoder().encode('{"data": "mine"}'));
  const isRefused = (status) => status.message.includes("the role guest may not publish on /public/news");
  await guest.hears("status", "the refusal", isRefused);
  await Promise.all([operator.close(), guest.close()]);
  await stop(run);
}

/** An authority, and a certificate of it for localhost. */
function certificates() {
  const file = (name) => path.join(folder, name);
  fs.writeFileSync(file("names"), "subjectAltName=DNS:localhost\n");
  for (const line of [
    "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
    "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout bridge.key -out bridge.csr",
    "x509 -req -in bridge.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out bridge.pem",
  ]) {
    execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "ignore" });
  }
  return { authority: fs.readFileSync(file("ca.pem")), flags: ["--tls-cert", file("bridge.pem"), "--tls-key", file("bridge.key")] };
}

/** Over TLS, with a token; without the authority, or without TLS, there is an error and no wait. */
async function checkTls() {
  const { authority, flags } = certificates();
  const token = "a-token-for-this-test-only";
  fs.writeFileSync(path.join(folder, "tls.token"), token);
  const demanded = ["--token-file", path.join(folder, "tls.token")];
  const { run, endpoint, url } = await bridge(["foxglove", "--port", "0", "--allow", "/**", ...flags, ...demanded]);
  start("robot", ["topic", "pub", "/chatter", "std_msgs/msg/String", "{data: hello}", "--rate", "5", "--connect", endpoint]);
  assert(url.startsWith("wss://"), url);
  const address = url.replace("127.0.0.1", "localhost");
  const headers = { Authorization: `Bearer ${token}` };
  const viewer = new Viewer(address, ["foxglove.sdk.v1"], { ca: authority, headers });
  await viewer.next(await viewer.subscribe("/chatter"), "a message over TLS");
  await viewer.close();
  assert.strictEqual((await turnedAway(address, { ca: authority })).status, 401);
  for (const [wrong, options] of [
    [address, { headers }],
    [address.replace("wss", "ws"), { headers }],
  ]) {
    const socket = new WebSocket(wrong, ["foxglove.sdk.v1"], options);
    const failed = await Promise.race([once(socket, "error"), once(socket, "open").then(() => undefined)]);
    assert(failed !== undefined, `${wrong} let in`);
  }
  await stop(run);
}

async function main() {
  try {
    await checkOpenBridge();
    await checkTokens();
    await checkTls();
  } catch (error) {
    for (const { child, talk } of running) if (talk) console.error(`${child.spawnargs.slice(1).join(" ")}:\n${talk}`);
    throw error;
  } finally {
    await Promise.all(running.map(stop));
    fs.rmSync(folder, { recursive: true, force: true });
  }
  console.log("Foxglove's client: topics, publishing, services, parameters, graph, refusals, time, tokens, TLS, both subprotocols");
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

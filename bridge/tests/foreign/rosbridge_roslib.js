// Talks to `nuncio bridge rosbridge` with roslib (roslibjs), as it comes from npm.
//
// Usage: NODE_PATH=FOLDER_OF_NODE_MODULES node rosbridge_roslib.js PATH_OF_NUNCIO
//
// Each way is looked at from the other side: what roslib publishes, serves and pursues is heard, called and asked for by
// `nuncio` in processes of its own; services and actions that roslib calls are those of a second client of the same bridge.

const { spawn } = require("node:child_process");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");

const SECONDS_MAX = 60;
const [, , nuncio] = process.argv;
const home = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-roslib-"));
const children = [];

function inTime(promise, what) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`expected ${what}, nothing in time`)), SECONDS_MAX * 1000).unref();
  });
  return Promise.race([promise, late]);
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function start(...args) {
  const env = { ...process.env, NUNCIO_HOME: home, NUNCIO_DISCOVERY: "off" };
  const child = spawn(nuncio, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  child.said = "";
  child.stderr.on("data", (text) => (child.said += text));
  child.lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  children.push(child);
  return child;
}

// The next line of JSON that a process prints.
async function line(child, what) {
  const { value, done } = await inTime(child.lines.next(), what);
  assert.ok(!done, `expected ${what}, the process has ended: ${child.said}`);
  return JSON.parse(value);
}

async function main() {
  const roslib = await import(path.join(process.env.NODE_PATH, "roslib/dist/RosLib.js"));
  const endpoint = `tcp/127.0.0.1:${await freePort()}`;
  const bridge = start("bridge", "rosbridge", "--port", "0", "--allow", "/**", "--listen", endpoint, "--json");
  const ready = await line(bridge, "the bridge to be ready");
  const url = ready.faces[0].address;
  const beside = (...args) => start(...args, "--connect", endpoint, "--json");
  const connect = () => {
    const ros = new roslib.Ros({ url });
    return inTime(new Promise((resolve, reject) => ros.on("connection", () => resolve(ros)).on("error", reject)), url);
  };
  const ros = await connect();
  const ask = (method, ...args) =>
    inTime(new Promise((resolve, reject) => ros[method](...args, (...found) => resolve(found), reject)), method);

  // Topics, in every compression.
  const ranges = "{ranges: [1.0, 2.5], angle_min: 0.5}";
  beside("topic", "pub", "/scan", "sensor_msgs/msg/LaserScan", ranges, "--rate", "20");
  const scan = async (options) => {
    const topic = new roslib.Topic({ ros, name: "/scan", messageType: "sensor_msgs/msg/LaserScan", ...options });
    const message = await inTime(new Promise((resolve) => topic.subscribe(resolve)), `a scan ${JSON.stringify(options)}`);
    topic.unsubscribe();
    return message;
  };
  assert.deepEqual((await scan({})).ranges, [1, 2.5]);
  assert.deepEqual((await scan({ compression: "png" })).angle_min, 0.5);
  const typed = (await scan({ compression: "cbor" })).ranges;
  assert.ok(typed instanceof Float32Array, `expected a typed array, found ${typed}`);
  assert.deepEqual([...typed], [1, 2.5]);
  const raw = await scan({ compression: "cbor-raw" });
  assert.deepEqual([...raw.bytes.slice(0, 4)], [0, 1, 0, 0]);
  assert.ok(raw.secs > 1.6e9);
  // roslib has no option for fragments, and puts together what comes in them.
  const pieces = new Promise((resolve) => ros.once("/scan", resolve));
  ros.callOnConnection({ op: "subscribe", topic: "/scan", fragment_size: 40 });
  assert.deepEqual((await inTime(pieces, "a scan in fragments")).msg.ranges, [1, 2.5]);
  ros.callOnConnection({ op: "unsubscribe", topic: "/scan" });

  const echo = beside("topic", "echo", "/from_roslib", "--once");
  const out = new roslib.Topic({ ros, name: "/from_roslib", messageType: "std_msgs/msg/String", latch: true });
  out.advertise();
  out.publish({ data: "from roslib" });
  const echoed = await line(echo, "what roslib has published");
  assert.equal(echoed.message.data, "from roslib");
  assert.match(JSON.stringify(echoed), /rosbridge:127\.0\.0\.1:/);

  // Services: roslib serves, `nuncio` and a second client call.
  const other = await connect();
  const type = "example_interfaces/srv/AddTwoInts";
  const server = new roslib.Service({ ros, name: "/add", serviceType: type });
  await server.advertise((request, response) => {
    response.sum = request.a + request.b;
    return true;
  });
  const called = await line(beside("service", "call", "/add", type, "{a: 40, b: 2}"), "the sum that roslib has made");
  assert.match(JSON.stringify(called), /"sum":42/);
  const caller = new roslib.Service({ ros: other, name: "/add", serviceType: type });
  const sum = await inTime(new Promise((resolve, reject) => caller.callService({ a: 4, b: 5 }, resolve, reject)), "a sum");
  assert.deepEqual(sum, { sum: 9 });

  // Actions: roslib pursues, `nuncio` and a second client send goals.
  const actionType = "example_interfaces/action/Fibonacci";
  const pursuing = new roslib.Action({ ros, name: "/fibonacci", actionType });
  const waiting = new Set();
  pursuing.advertise(
    (goal, id) => {
      pursuing.sendFeedback(id, { sequence: [0, 1] });
      if (goal.order > 0) pursuing.setSucceeded(id, { sequence: [0, 1, goal.order] });
      else waiting.add(id);
    },
    (id) => waiting.has(id) && pursuing.setCanceled(id, { sequence: [] }),
  );
  // What was sent before this answer has been carried out.
  assert.deepEqual(await ask("getActionServers"), [["/fibonacci"]]);
  const sent = beside("action", "send_goal", "/fibonacci", actionType, "{order: 7}");
  let printed;
  do printed = JSON.stringify(await line(sent, "the result of the goal"));
  while (!/\[0,1,7\]/.test(printed));
  const asking = new roslib.Action({ ros: other, name: "/fibonacci", actionType });
  const feedback = [];
  const result = new Promise((resolve, reject) => asking.sendGoal({ order: 3 }, resolve, (f) => feedback.push(f), reject));
  assert.deepEqual(await inTime(result, "a result"), { sequence: [0, 1, 3] });
  assert.deepEqual(feedback, [{ sequence: [0, 1] }]);
  const canceled = new Promise((resolve, reject) => {
    const id = asking.sendGoal({ order: 0 }, reject, () => asking.cancelGoal(id), resolve);
  });
  assert.match(await inTime(canceled, "a goal that is canceled"), /5|CANCELED/i);

  // rosapi, which roslib calls without a leading slash.
  const [topics] = await ask("getTopics");
  assert.equal(topics.types[topics.topics.indexOf("/scan")], "sensor_msgs/msg/LaserScan");
  const [all] = await ask("getTopicsAndRawTypes");
  assert.match(all.typedefs_full_text[all.topics.indexOf("/scan")], /MSG: std_msgs\/Header/);
  assert.ok(all.types.includes("rcl_interfaces/msg/Log"), "by which viewers know ROS 2");
  assert.deepEqual(await ask("getTopicType", "/scan"), ["sensor_msgs/msg/LaserScan"]);
  const [details] = await ask("getMessageDetails", "geometry_msgs/msg/Twist");
  assert.deepEqual(ros.decodeTypeDefs(details).linear, { x: "float64", y: "float64", z: "float64" });
  beside("bridge", "foxglove", "--port", "0", "--name", "/robot");
  const parameter = new roslib.Param({ ros, name: "/robot:use_sim_time" });
  const get = () => inTime(new Promise((resolve, reject) => parameter.get(resolve, reject)), "the parameter");
  for (const end = Date.now() + SECONDS_MAX * 1000; !(await ask("getParams"))[0].includes("/robot:use_sim_time"); ) {
    assert.ok(Date.now() < end, "expected the parameter in the list, nothing in time");
  }
  assert.equal(await get(), false);
  await inTime(new Promise((resolve, reject) => parameter.set(true, resolve, reject)), "the parameter to be set");
  assert.equal(await get(), true);
  const kept = await inTime(new Promise((resolve) => parameter.delete(() => resolve("deleted"), resolve)), "an answer");
  assert.match(String(kept), /stays as it is/);
  ros.close();
  other.close();
  console.log("roslib: topics in every form, services and actions both ways, parameters and rosapi are as they should be");
}

main()
  .then(() => 0)
  .catch((error) => {
    console.error(error);
    console.error(children.map((child) => child.said).join(""));
    return 1;
  })
  .then((code) => {
    children.forEach((child) => child.kill("SIGKILL"));
    fs.rmSync(home, { recursive: true, force: true });
    process.exit(code);
  });

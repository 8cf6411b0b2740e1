// Looks at the status page of `nuncio bridge` in headless Chromium.
//
// Usage: node status_page.js PATH_OF_NUNCIO [FOLDER_FOR_PICTURES]
// Needs from npm: `playwright-core`; from the system: chromium (or CHROMIUM with the path of one).
//
// Rows have to appear for clients and topics, names that are markup have to stay text, nothing may reach beyond the screen of
// a phone, and with a token the page has to ask for it. Pages of other sites get neither the report nor a WebSocket.

"use strict";
const assert = require("node:assert");
const { spawn, execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [nuncio, pictures] = process.argv.slice(2);
const home = fs.mkdtempSync(path.join(os.tmpdir(), "status_page_"));
const TIMEOUT_MS = 30000;
const TOKEN = "a-token-for-this-test-only";
const running = [];
// Pages to look at the bridge from: as http://127.0.0.1, and as a site of somebody else.
const site = http.createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>a page</title>"));

// Starts a bridge and gives the addresses that it names when it is ready.
function bridge(...more) {
  const environment = { ...process.env, NUNCIO_HOME: path.join(home, "bridge"), NUNCIO_DISCOVERY: "off" };
  const program = spawn(nuncio, ["bridge", "rosbridge", "--port", "0", "--status-port", "0", ...more], { env: environment });
  running.push(program);
  return new Promise((resolve, reject) => {
    let said = "";
    const late = setTimeout(() => reject(new Error(`expected a line with "ready", found ${said}`)), TIMEOUT_MS);
    program.stderr.on("data", text => {
      said += text;
      const status = said.match(/status (http:\/\/\S+?)[,;\s]/);
      const face = said.match(/rosbridge (ws:\/\/\S+?)[,;\s]/);
      if (status && face) {
        clearTimeout(late);
        resolve({ status: status[1], face: face[1] });
      }
    });
  });
}

// A client of rosbridge in the page's own browser, which subscribes and says things that are no good.
async function rosbridge(page, address, topics) {
  await page.evaluate(([address, topics]) => new Promise((resolve, reject) => {
    window.client = new WebSocket(address);
    window.client.onerror = () => reject(new Error("no connection to " + address));
    window.client.onopen = () => {
      for (const topic of topics) window.client.send(JSON.stringify({ op: "subscribe", topic, type: "std_msgs/String" }));
      window.client.send("<b>this is no JSON</b>");
      resolve();
    };
  }), [address, topics]);
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: path.join(pictures, name + ".png"), fullPage: true });
}

const widest = page => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function shows(browser) {
  const { status, face } = await bridge("--allow", "/**");
  const elsewhere = await (await browser.newContext()).newPage();
  await elsewhere.goto(`http://127.0.0.1:${site.address().port}/`);
  const long = "/a_very_long_namespace_that_goes_on/and_on_for_robots_with_many_parts/camera_front_left/image_rectified";
  await rosbridge(elsewhere, face, ["/chatter", long]);

  for (const [scheme, width, height] of [["light", 1400, 900], ["dark", 1400, 900], ["light", 360, 740], ["dark", 360, 740]]) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height } });
    const page = await context.newPage();
    const complaints = [];
    page.on("console", message => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", error => complaints.push(String(error)));
    const answer = await page.goto(status, { timeout: TIMEOUT_MS });
    assert.match(answer.headers()["content-security-policy"], /default-src 'none'/);
    await page.waitForFunction(() => document.querySelectorAll("#topics tbody tr").length === 2, null, { timeout: TIMEOUT_MS });
    await page.waitForFunction(() => document.querySelectorAll("#clients tbody tr").length === 1, null, { timeout: TIMEOUT_MS });
    await page.waitForFunction(() => !document.querySelector("#tiles").textContent.includes("–"), null, { timeout: TIMEOUT_MS });
    assert.match(await page.title(), /bridge/);
    assert.match(await page.textContent("#topics"), /\/chatter/);
    assert.match(await page.textContent("#clients"), /rosbridge/);
    assert.match(await page.textContent("#routes"), /both ways/);
    assert.strictEqual(await widest(page), 0, `nothing reaches beyond ${width} px`);
    assert.deepStrictEqual(complaints, []);
    await picture(page, `status_${scheme}_${width}`);
    await context.close();
  }
  await hostile(browser, status);
}

// Names as a hostile client might have them: the report is replaced by one that has them everywhere.
async function hostile(browser, status) {
  const page = await (await browser.newContext({ viewport: { width: 360, height: 740 } })).newPage();
  const bad = "<img src=x onerror=\"window.harmed = true\"><script>window.harmed = true</script>" + "W".repeat(300) + "\u202e";
  await page.route("**/status.json", async route => {
    const report = await (await route.fetch()).json();
    report.node = bad;
    report.clients = [{ ...report.clients[0], id: 1, who: bad, role: bad, face: bad }];
    report.topics = [{ topic: bad, taps: 1, passed: 2, untranslated: 3, refused: { [bad]: 4, bad_signature: 12345678 } }];
    report.routes = [{ ...report.routes[0], pattern: bad, rename: [bad, bad], rate_max: 2.5 }];
    await route.fulfill({ json: report });
  });
  await page.goto(status);
  await page.waitForFunction(() => document.querySelectorAll("#topics tbody tr").length === 1, null, { timeout: TIMEOUT_MS });
  assert.ok((await page.textContent("#topics td.name")).startsWith("<img src=x"), "the name is shown as it is");
  assert.strictEqual(await page.locator("main img, main script").count(), 0);
  assert.strictEqual(await page.evaluate(() => window.harmed), undefined);
  assert.strictEqual(await widest(page), 0, "a long name wraps");
  await picture(page, "status_hostile_360");
}

// What a browser lets a page of another site have of a bridge that is for this machine: nothing.
async function keepsOthersOut(browser) {
  const { status, face } = await bridge("--allow", "/**");
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://evil.example:${site.address().port}/`);
  await assert.rejects(rosbridge(page, face, ["/chatter"]), /no connection/);
  await assert.rejects(page.evaluate(url => fetch(url).then(answer => answer.text()), status + "status.json"));
  // A frame without an origin, which any page can make.
  const frame = await page.evaluate(address => new Promise(resolve => {
    window.onmessage = event => resolve(event.data);
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = `<script>const socket = new WebSocket("${address}");
      socket.onopen = () => parent.postMessage("open", "*"); socket.onerror = () => parent.postMessage("refused", "*");</script>`;
    document.body.append(frame);
  }), face);
  assert.strictEqual(frame, "refused");
  // The same site, when its name suddenly points to this machine's bridge.
  const rebound = await page.goto(status.replace("127.0.0.1", "evil.example") + "status.json");
  assert.strictEqual(rebound.status(), 403);
  const own = await (await browser.newContext()).newPage();
  await own.goto(`http://localhost:${site.address().port}/`);
  await rosbridge(own, face, ["/chatter"]);
}

async function asks(browser) {
  const token = path.join(home, "token");
  fs.writeFileSync(token, TOKEN);
  const { status } = await bridge("--allow", "/**", "--token-file", token);
  const without = await fetch(status + "status.json");
  assert.strictEqual(without.status, 401);
  const page = await (await browser.newContext({ viewport: { width: 360, height: 740 } })).newPage();
  await page.goto(status);
  await page.waitForSelector("#login:visible", { timeout: TIMEOUT_MS });
  assert.ok(!(await page.isVisible("#content")));
  await picture(page, "status_login_360");
  await page.fill("#token", TOKEN);
  await page.click("#login button");
  await page.waitForSelector("#content:visible", { timeout: TIMEOUT_MS });
  await page.goto(status + "#token=" + TOKEN);
  await page.reload();
  await page.goto("about:blank");
  await page.goto(status + "#token=" + TOKEN);
  await page.waitForSelector("#content:visible", { timeout: TIMEOUT_MS });
  assert.ok(!page.url().includes(TOKEN), "the token does not stay in the address");
}

async function main() {
  const executablePath = process.env.CHROMIUM || execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  await new Promise(resolve => site.listen(0, "127.0.0.1", resolve));
  const args = ["--host-resolver-rules=MAP evil.example 127.0.0.1", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({ executablePath, args });
  try {
    await shows(browser);
    await keepsOthersOut(browser);
    await asks(browser);
  } finally {
    await browser.close();
  }
  console.log("the status page shows clients, topics and routes, from 360 to 1400 pixels, and markup in names stays text; pages of other sites are kept out");
}

main()
  .catch(error => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => {
    site.close();
    for (const program of running) program.kill("SIGKILL");
    fs.rmSync(home, { recursive: true, force: true });
  });

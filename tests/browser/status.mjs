// SPDX-License-Identifier: MIT
// Looks at the status page of the service at SOCKET as a browser shows it.  A browser cannot open a Unix
// socket: it comes through a relay on the loopback interface, here in this process.
//
//   status.mjs SOCKET DIRECTORY PROMISE [COMMAND [ARG...]]
//
// DIRECTORY is for what the browser writes.  COMMAND is started once the page shows the service.  Exit
// status 0: the promise is kept.  MODULES names the directory of package.json, CHROMIUM the browser; with
// SCREENSHOT set, what is seen at the end goes there.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer, connect } from "node:net";
import assert from "node:assert/strict";

const { chromium } = createRequire(process.env.MODULES + "/")("playwright-core");
const [socket, directory, promise, ...command] = process.argv.slice(2);
const patience = 20000;

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

// --- the way there ---------------------------------------------------------------------------------

function relay() {
  return new Promise((resolve) => {
    const server = createServer((near) => {
      const far = connect(socket);
      near.pipe(far).pipe(near);
      for (const [one, other] of [[near, far], [far, near]]) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    });
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

// Collected from each page: what the browser complains of, in its console or as a violated policy.
const complaints = [];

async function open(options = {}) {
  const server = await relay();
  const browser = await chromium.launchPersistentContext(directory + "/profile", {
    executablePath: process.env.CHROMIUM, headless: true, args: flags, ...options,
  });
  const page = browser.pages()[0] ?? await browser.newPage();

  page.setDefaultTimeout(patience);
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await browser.exposeFunction("violated", (text) => complaints.push("violated: " + text));
  if (options.javaScriptEnabled !== false)
    await page.addInitScript(() => document.addEventListener("securitypolicyviolation",
      (event) => window.violated(event.violatedDirective)));
  await page.goto("http://127.0.0.1:" + server.address().port + "/");
  return { page, close: () => browser.close().then(() => server.close()) };
}

// --- what is seen there ----------------------------------------------------------------------------

const live = (page) => page.locator("#connection.live").waitFor();
const row = (page, name, attributes = "") => page.locator("#threads tr" + attributes).filter({ hasText: name });
const cells = (found) => found.locator("td span").allTextContents();

function start() {
  const child = spawn(command[0], command.slice(1), { stdio: "ignore" });

  child.on("error", (error) => { console.error(String(error)); process.exit(1); });
  return child;
}

const promises = {
  async appear(page) {
    await live(page);
    for (const name of ["serve", "worker", "status"]) await row(page, name).first().waitFor();
    assert.equal(await page.locator("#threads tr[data-acting=no][data-state=consistent]").count(),
      await page.locator("#threads tr").count());
    assert.match(await page.locator("#summary").textContent(), /^0 of \d+ act for a client$/);
    assert.match(await page.locator("#service").textContent(), /^process \d+, as uid \d+, since /);
    assert.equal(await page.locator("thead th:not([scope=col])").count(), 0);
    assert.equal(await page.locator("tbody th:not([scope=row])").count(), 0);
    assert.equal(await page.locator("#policy [data-key=legacy_impersonation_policy] dd").textContent(), "off");
    assert.notEqual(await page.locator("#totals [data-key=requests] dd").textContent(), "0");
  },

  async turn(page) {
    await live(page);
    start();
    const held = row(page, "hold", "[data-acting=yes]");
    await held.waitFor();
    const tid = await held.getAttribute("data-tid");
    const seen = await cells(held);
    assert.equal(seen[0], "alice (2001)");
    assert.match(seen[1], /^alice \(2001\), pid \d+$/);
    assert.deepEqual(seen.slice(2, 4), ["impersonation", "default"]);
    assert.equal(seen[5], "consistent");
    assert.match(await page.locator("#summary").textContent(), /^1 of \d+ acts for a client$/);
    const back = page.locator(`#threads tr[data-tid="${tid}"][data-acting=no]`);
    await back.waitFor();
    assert.match((await cells(back))[0], /^uid \d+$/);
  },

  async hide(page) {
    await live(page);
    start();
    const held = row(page, "hold", "[data-acting=yes]");
    await held.waitFor();
    assert.deepEqual((await cells(held)).slice(0, 3), ["nobody (65534)", "not told", "anonymous"]);
    assert.doesNotMatch(await page.locator("body").textContent(), /alice|2001/);
  },

  async lose(page) {
    await live(page);
    start();
    const lost = row(page, "hold", "[data-state=lost]");
    await lost.waitFor();
    const seen = await cells(lost);
    assert.match(seen[0], /^uid \d+$/);
    assert.equal(seen[1], "should act as alice (2001)");
    assert.match(await page.locator("#summary").textContent(), /, 1 lost$/);
    assert.ok(await page.locator("#totals [data-key=failed_assertions] dd.bad").count());
  },

  // The service is exchanged for another while this runs.
  async reconnect(page) {
    await live(page);
    const before = await page.locator("#service").textContent();
    console.log("live");
    await page.locator("#connection.lost").waitFor();
    console.log("lost");
    await live(page);
    assert.notEqual(await page.locator("#service").textContent(), before);
    // Of connections that failed it has to complain.
    complaints.splice(0, complaints.length,
      ...complaints.filter((text) => !text.startsWith("Failed to load resource: net::ERR_")));
  },

  async forbid(page) {
    await live(page);
    const violated = await page.evaluate(async () => {
      const both = new Promise((resolve) => {
        const seen = [];
        document.addEventListener("securitypolicyviolation",
          (event) => seen.push(event.violatedDirective) === 2 && resolve(seen));
      });
      const script = document.createElement("script");
      script.textContent = "window.foreign = true";
      document.head.append(script);
      document.body.insertAdjacentHTML("beforeend", "<img src=/foreign>");
      return both;
    });
    assert.deepEqual(violated.sort(), ["img-src", "script-src-elem"]);
    assert.equal(await page.evaluate(() => window.foreign), undefined);
    complaints.length = 0;
  },

  async fit(page) {
    await live(page);
    start();
    await row(page, "hold", "[data-acting=yes]").waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
    assert.ok(await row(page, "hold").locator("td[data-label=Level]").isVisible());
  },

  async explain(page) {
    assert.equal(await page.locator("noscript h2").textContent(), "This page needs JavaScript");
    assert.ok(await page.locator("noscript h2").isVisible());
    assert.ok(await page.locator("main").isHidden());
    assert.equal(await page.locator("noscript a").count(), 2);
  },
};

const options = {
  fit: { viewport: { width: 375, height: 700 } },
  explain: { javaScriptEnabled: false },
};

const { page, close } = await open(options[promise]);
try {
  await promises[promise](page);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });
  assert.deepEqual(complaints, []);
} finally {
  await close();
}
process.exit(0); // whatever was started

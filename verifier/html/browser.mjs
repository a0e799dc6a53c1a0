// Opens the page in Chromium as an inspector does, from a file, and looks: verdicts, no script from a chat, no connection.
//   node verifier/html/browser.mjs DIR     DIR from `test.mjs --make DIR`; screenshots and a print are written there
// Needs chromium on the path (CHROMIUM names another).
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { tmpdir } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";

const dir = resolve(process.argv[2]), page = join(dirname(fileURLToPath(import.meta.url)), "zegel-verifier.html");
const chromium = spawn(process.env.CHROMIUM || "chromium", ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--user-data-dir=" + mkdtempSync(join(tmpdir(), "zegel-")), "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
let next = 1, rest = ""; const waiting = new Map(), events = [];
chromium.stdio[4].on("data", d => {
  rest += d; const parts = rest.split("\0"); rest = parts.pop();
  for (const p of parts) { const m = JSON.parse(p); if (m.id) { const w = waiting.get(m.id); waiting.delete(m.id); if (m.error) w[1](new Error(m.error.message)); else w[0](m.result); } else events.push(m); }
});
let sessionId;
const send = (method, params = {}) => new Promise((y, n) => { const id = next++; waiting.set(id, [y, n]); chromium.stdio[3].write(JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) }) + "\0"); });
const wait = ms => new Promise(r => setTimeout(r, ms));
const run = async expression => { const r = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }); if (r.exceptionDetails) throw new Error(JSON.stringify(r.exceptionDetails)); return r.result.value; };
const choose = async (id, files) => { const { root } = await send("DOM.getDocument"); const { nodeId } = await send("DOM.querySelector", { nodeId: root.nodeId, selector: "#" + id }); await send("DOM.setFileInputFiles", { nodeId, files }); };
const shot = async name => { const { data } = await send("Page.captureScreenshot", { captureBeyondViewport: true, format: "png" }); writeFileSync(join(dir, name), Buffer.from(data, "base64")); };
let failed = 0; const check = (ok, what) => { if (!ok) failed++; console.log((ok ? "ok      " : "FAILED  ") + what); };
try {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  sessionId = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  for (const d of ["Page", "Runtime", "Log", "DOM", "Network"]) await send(d + ".enable");
  await send("Emulation.setDeviceMetricsOverride", { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
  await send("Page.navigate", { url: pathToFileURL(page).href }); await wait(800);
  await shot("empty.png");
  const verdict = async () => { for (let i = 0; i < 1200; i++) { const v = await run("document.getElementById('verdict')?.textContent || ''"); if (v) return v; await wait(100); } return ""; };
  for (const [bundle, want, name] of [["bundle.zip", "GEVERIFIEERD", "good"], ["tampered.zip", "GEWEIGERD", "tampered"]]) {
    await run("document.getElementById('clear').click()"); await choose("trustFile", [join(dir, "trust.txt")]); await choose("bundleFiles", [join(dir, bundle)]); await wait(300);
    const begun = performance.now(); await run("document.getElementById('go').click()");
    const v = await verdict(), seconds = (performance.now() - begun) / 1000; check(v === want, `${bundle}: ${v}, in ${seconds.toFixed(1)} s`);
    check(seconds < 60, bundle + ": in less than a minute");
    check(await run("document.activeElement.id") === "verdict", bundle + ": the verdict has the focus");
    await shot(name + ".png"); await run("scrollTo(0, 0)"); { const { data } = await send("Page.captureScreenshot", { format: "png", clip: { x: 0, y: 0, width: 1280, height: 1500, scale: 1 }, captureBeyondViewport: true }); writeFileSync(join(dir, name + "-top.png"), Buffer.from(data, "base64")); }
    if (name === "good") {
      check(await run("document.querySelectorAll('main img, main script, #result h1').length") === 0 && await run("typeof window.__xss") === "undefined", "a hostile text makes no element and runs nothing");
      check((await run("document.getElementById('result').textContent")).includes("<img src=x onerror="), "it is shown as text");
      const { data } = await send("Page.printToPDF", { printBackground: false }); writeFileSync(join(dir, "print.pdf"), Buffer.from(data, "base64"));
      await run("document.getElementById('en').click()"); check(await run("document.getElementById('verdict').textContent") === "VERIFIED", "in English"); await shot("english.png"); await run("document.getElementById('nl').click()");
      check(await run("fetch('https://example.org').then(() => 'out', () => 'blocked')") === "blocked", "no connection is possible");
      check(await run("(() => { const d = document.createElement('div'); d.innerHTML = '<img src=x onerror=\"window.__csp=1\">'; document.body.append(d); return new Promise(r => setTimeout(() => { d.remove(); r(typeof window.__csp) }, 200)) })()") === "undefined", "the policy stops a script even if one were put in");
    }
  }
  await run("document.getElementById('clear').click()");
  await choose("trustFile", [join(dir, "trust.txt")]); await choose("bundleFiles", [join(dir, "bundle.zip"), join(dir, "tampered.zip")]); await wait(300);
  await run("document.getElementById('go').click()"); await verdict();
  const lines = await run("[...document.querySelectorAll('#bundles tr')].map(r => r.querySelector('strong').textContent).join()");
  check(lines === "GEVERIFIEERD,GEWEIGERD", "two bundles at once: " + lines);
  check(/^([0-9a-f]{4} ){15}[0-9a-f]{4}$/.test(await run("document.querySelector('.root').textContent")), "the fingerprint of the root stands with them"); await shot("several.png");
  await run("document.querySelectorAll('#bundles button')[1].click()"); check(await verdict() === "GEWEIGERD", "the other one is shown when asked for");
  for (const [scope, want] of [["custodian:" + "c1".repeat(32), "GEWEIGERD"], ["conversation:" + "c1".repeat(32), "GEVERIFIEERD"]]) {
    await run("document.getElementById('clear').click()"); await choose("trustFile", [join(dir, "absent-trust.txt")]); await choose("bundleFiles", [join(dir, "absent.zip")]); await wait(300);
    await run(`document.getElementById('scope').value = ${JSON.stringify(scope)}; document.getElementById('go').click()`);
    check(await verdict() === want, "an id that has nothing, where " + scope.slice(0, 12) + "… was ordered: " + want);
  }
  const said = await run("document.getElementById('result').textContent");
  check(said.includes("is onder dit kenmerk niets vastgelegd") && said.includes("Niet te bewijzen is hiermee dat dit gesprek er niet is"), "what is proven of an absent id is said, and what is not"); await shot("absent.png");
  await run("document.getElementById('scope').value = 'c1c1'; document.getElementById('go').click()"); await wait(300);
  check((await run("document.getElementById('status').textContent")).includes("niet te lezen"), "an order that cannot be read is said");
  const requests = events.filter(e => e.method === "Network.requestWillBeSent").map(e => e.params.request.url).filter(u => !u.startsWith("file:") && !u.startsWith("blob:") && !u.startsWith("data:"));
  check(requests.every(u => u === "https://example.org/" || u === "https://example.org"), "no request but the one tried here: " + requests.join(" "));
  const errors = events.filter(e => e.method === "Runtime.exceptionThrown"); check(errors.length === 0, "no errors: " + errors.map(e => e.params.exceptionDetails.text).join());
} finally { chromium.kill(); }
process.exit(failed ? 1 : 0);

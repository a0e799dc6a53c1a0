// One page in headless Chromium, over a pipe: no driver, no port.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";

export async function open(url, { width = 1280, height = 900 } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "zegel-chromium-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"];
  const chromium = spawn(process.env.CHROMIUM || "chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const waiting = new Map(), events = [], listeners = [];
  let next = 1, rest = "", sessionId;
  chromium.stdio[4].on("data", (data) => {
    const parts = (rest + data).split("\0");
    rest = parts.pop();
    for (const part of parts) {
      const message = JSON.parse(part);
      if (!message.id) { events.push(message); listeners.forEach((listener) => listener(message)); continue; }
      const [good, bad] = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) bad(new Error(message.error.message)); else good(message.result);
    }
  });
  const send = (method, params = {}) => new Promise((good, bad) => {
    const id = next++;
    waiting.set(id, [good, bad]);
    chromium.stdio[3].write(JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) }) + "\0");
  });
  const once = (method) => new Promise((good) => listeners.push((message) => message.method === method && good(message.params)));
  const run = async (expression) => {
    const result = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (result.exceptionDetails) throw new Error(JSON.stringify(result.exceptionDetails));
    return result.result.value;
  };
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  sessionId = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  const size = (width, height) => send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  await size(width, height);
  // Of the page's own thread, so that other work of the machine does not count.
  await send("Performance.enable", { timeDomain: "threadTicks" });
  const loaded = once("Page.loadEventFired");
  const began = Date.now();
  await send("Page.navigate", { url });
  await loaded;
  const loadMs = Date.now() - began;
  const { metrics } = await send("Performance.getMetrics");
  const workMs = Math.round(1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0));
  const close = async () => {
    const gone = new Promise((good) => chromium.once("exit", good));
    chromium.kill("SIGKILL");
    await gone;
    // Its children may still be writing: what is left lies in the temporary folder.
    try { rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }); } catch { }
  };
  return { send, run, size, events, loadMs, workMs, close };
}

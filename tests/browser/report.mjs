// A report in a real browser, from a file: readable, searchable, printable, quiet, and usable by ear and on a phone.
//   node tests/browser/report.mjs REPORT.html OUT [AXE]     OUT gets screenshots and a PDF; AXE is axe-core's axe.min.js
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { open } from "./chromium.mjs";

const [file, out, axe] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
let failed = 0;
const check = (ok, what) => { if (!ok) failed += 1; console.log(`${ok ? "ok    " : "FAILED"} ${what}`); };

const page = await open(pathToFileURL(file).href);
try {
  const shot = async (name, full) => {
    const { data } = await page.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: full });
    writeFileSync(join(out, name), Buffer.from(data, "base64"));
  };
  // Lines that are laid out, and those that lie folded in their month.
  const lines = `[...document.querySelectorAll("details.month:not([hidden])")].reduce((sum, month) => sum +
    (month.querySelector("li") ? month.querySelectorAll("li").length : month.querySelector("noscript") ? month.querySelector("noscript").textContent.split("\\n<li").length - 1 : 0), 0)`;
  check(page.workMs < 2000, `opens with under two seconds of work: ${page.workMs} ms, after ${page.loadMs} ms`);
  check((await page.run("document.querySelector('.verdict').textContent")).length > 0, "the verdict is there");
  await shot("report.png", false);
  if (await page.run("document.querySelectorAll('ol.chat li').length < 2000")) await shot("report-all.png", true);
  const all = await page.run(lines);
  check(all > 0 && all >= (await page.run("document.querySelectorAll('ol.chat li').length")), `${all} lines in the timeline`);
  await page.run("document.querySelector('details.month').open = true");
  await page.run("new Promise((good) => setTimeout(good, 200))");
  const first = "document.querySelectorAll('details.month:first-of-type li').length";
  const before = await page.run(first);
  const word = await page.run("document.querySelector('ol.chat .t')?.textContent.trim().split(/\\s+/)[0] ?? ''");
  await page.run(`(() => { const box = document.querySelector('#words'); box.value = ${JSON.stringify(word)}; box.dispatchEvent(new Event('input')); })()`);
  await page.run("new Promise((good) => setTimeout(good, 1000))");
  const some = await page.run(lines);
  check(some > 0 && some <= all, `searching «${word}» leaves ${some}`);
  await page.run("(() => { const box = document.querySelector('#words'); box.value = 'zzzz-not-there'; box.dispatchEvent(new Event('input')); })()");
  await page.run("new Promise((good) => setTimeout(good, 1000))");
  check((await page.run(lines)) === 0, "searching what is not there leaves nothing");
  await page.run("(() => { const box = document.querySelector('#words'); box.value = ''; box.dispatchEvent(new Event('input')); })()");
  await page.run("new Promise((good) => setTimeout(good, 1000))");
  await page.run("document.querySelector('details.month').open = true");
  await page.run("new Promise((good) => setTimeout(good, 200))");
  check((await page.run(first)) === before, "and then all is back");
  check((await page.run("typeof window.xss")) === "undefined", "nothing that was written in a chat ran");
  // One timeline across conversations, and back.
  const order = (value) => page.run(`(() => { const box = document.querySelector('#order'); box.value = ${JSON.stringify(value)}; box.dispatchEvent(new Event('change')); })()`);
  await order("time");
  const merged = await page.run("[...document.querySelectorAll('details.merged')].map((month) => { month.open = true; return month.dataset.month; }).join()");
  await page.run("new Promise((good) => setTimeout(good, 300))");
  const ascends = await page.run("(() => { const times = [...document.querySelectorAll('details.merged time[datetime]')].map((time) => time.dateTime); return times.every((time, at) => !at || times[at - 1] <= time); })()");
  check(merged.length > 0 && ascends && await page.run("[...document.querySelectorAll('details.merged li')].every((line) => line.querySelector('.conv'))"), `by time, each line says its conversation: ${merged}`);
  await shot("report-by-time.png", false);
  await order("conversation");
  await page.run("document.querySelectorAll('details.month:not(.merged)').forEach((month) => { month.open = true; })");
  await page.run("new Promise((good) => setTimeout(good, 300))");
  check((await page.run(lines)) === all, "by conversation all lines are back");
  const blocked = await page.run("fetch('data:text/plain,x').then(() => 'out', () => 'blocked')");
  check(blocked === "blocked", "the page cannot fetch");
  if (all < 5000) {
    const { data } = await page.send("Page.printToPDF", { printBackground: true });
    writeFileSync(join(out, "report.pdf"), Buffer.from(data, "base64"));
    check(data.length > 10_000, "it prints");
  }
  if (axe) {
    // Days that are not laid out yet have no place to be looked at.
    await page.run("document.querySelectorAll('section.day').forEach((day) => { day.style.contentVisibility = 'visible'; })");
    await page.run(readFileSync(axe, "utf8"));
    const found = await page.run("axe.run().then((result) => result.violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html}`))");
    const serious = found.filter((one) => /^(serious|critical)/.test(one));
    check(serious.length === 0, `readable by ear: ${serious.join("; ") || "nothing serious"}`);
  } else { console.log("SKIPPED axe-core is not there: accessibility was NOT examined"); }
  await page.size(390, 844);
  check(await page.run("document.documentElement.scrollWidth <= innerWidth"), "a phone needs no sideways scrolling");
  await shot("phone.png", false);
  if (all < 5000) await shot("phone-all.png", true);
  const asked = page.events.filter((event) => event.method === "Network.requestWillBeSent").map((event) => event.params.request.url);
  const outside = asked.filter((url) => !/^(file|data):/.test(url));
  check(outside.length === 0, `asks for nothing: ${outside.join(" ")}`);
  const errors = page.events.filter((event) => event.method === "Runtime.exceptionThrown" ||
    (event.method === "Log.entryAdded" && event.params.entry.level === "error" && !event.params.entry.text.includes("data:text/plain,x")));
  check(errors.length === 0, `no error on the console: ${errors.map((event) => JSON.stringify(event.params)).join(" ")}`);
} finally { await page.close(); }
process.exit(failed ? 1 : 0);

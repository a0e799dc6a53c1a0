// An officer's hands and eyes on a page: real clicks, real keys, a picture, and an ear (axe-core).
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

export function hands(page, out, axe) {
  mkdirSync(out, { recursive: true });
  let failed = 0;
  const check = (ok, what) => { if (!ok) failed += 1; console.log(`${ok ? "ok    " : "FAILED"} ${what}`); };
  const until = (expression) => page.run(`new Promise((good, bad) => { const end = Date.now() + 30000; const look = () => { const found = (() => { try { return ${expression}; } catch { return null; } })();
    if (found) good(found); else if (Date.now() > end) bad(new Error(${JSON.stringify(expression)} + ": " + document.querySelector("#status").textContent + " " + document.querySelector("#alert").textContent)); else setTimeout(look, 50); }; look(); })`);
  const click = async (expression) => {
    const at = await page.run(`(() => { const one = ${expression}; one.scrollIntoView({ block: "center" }); const box = one.getClientRects()[0]; return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()`);
    for (const type of ["mousePressed", "mouseReleased"]) await page.send("Input.dispatchMouseEvent", { type, x: at.x, y: at.y, button: "left", clickCount: 1 });
  };
  const type = async (expression, text) => { await click(expression); await page.run(`${expression}.select?.()`); await page.send("Input.insertText", { text }); };
  const press = async (key, code, text, modifiers = 0) => { for (const type of ["keyDown", "keyUp"]) await page.send("Input.dispatchKeyEvent", { type, key, code, modifiers, ...(type === "keyDown" && text ? { text } : {}) }); };
  const middle = (expression) => page.run(`(() => { const box = ${expression}.getClientRects()[0]; return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()`);
  const drag = async (from, to) => {
    await page.run(`${from}.scrollIntoView({ block: "center" })`);
    const [start, end] = [await middle(from), await middle(to)];
    await page.send("Input.dispatchMouseEvent", { type: "mousePressed", ...start, button: "left", buttons: 1, clickCount: 1 });
    for (let step = 1; step <= 20; step++) await page.send("Input.dispatchMouseEvent", { type: "mouseMoved", x: start.x + (end.x - start.x) * step / 20, y: start.y + (end.y - start.y) * step / 20, button: "left", buttons: 1 });
    await page.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...end, button: "left", clickCount: 1 });
  };
  const shot = async (name) => writeFileSync(join(out, name), Buffer.from((await page.send("Page.captureScreenshot", { format: "png" })).data, "base64"));
  const readable = async (what) => {
    if (!axe) { console.log("SKIPPED axe-core is not there: accessibility was NOT examined"); return; }
    // The page's own policy lets no script in but its own; the debugger stands outside of it.
    await page.run(readFileSync(axe, "utf8"));
    const found = await page.run("axe.run().then((result) => result.violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html}`))");
    const serious = found.filter((one) => /^(serious|critical)/.test(one));
    check(serious.length === 0, `${what} is readable by ear: ${serious.join("; ") || "nothing serious"}`);
  };
  const one = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
  // A button by the words that a screen reader says.
  const button = (words, within = "main") => `[...document.querySelectorAll(${JSON.stringify(`${within} button`)})].find((one) => one.checkVisibility() && (one.getAttribute("aria-label") ?? one.textContent).includes(${JSON.stringify(words)}))`;
  const choose = async (selector, wanted) => page.run(`(() => { const one = ${one(selector)}; one.value = ${JSON.stringify(wanted)}; one.dispatchEvent(new Event("change")); return one.value; })()`);
  // What is asked for when a view opens has been laid out: a click does not meet a list that is about to be made anew.
  const go = async (view) => { await click(one(`[data-view=${view}]`)); await until(`${one(`#${view}`)}.checkVisibility() && !/^(Bezig|Working)/.test(${one("#status")}.textContent)`); };
  const says = (words, where = "#status") => until(`${one(where)}.textContent.includes(${JSON.stringify(words)})`);
  // What is refused is said in Dutch, without a place or an id; the technical words are there on request.
  const refused = async (words, what) => {
    await says(words, "#alert");
    check(await page.run(`!/[0-9]+:[0-9]+|[0-9a-f]{16}/.test(${one("#alert")}.textContent) && !${one("#technical")}.hidden && !${one("#technical")}.open`), `refused, in words that an officer knows: ${what}`);
  };
  const quiet = async () => {
    const errors = page.events.filter((event) => event.method === "Runtime.exceptionThrown" ||
      (event.method === "Log.entryAdded" && event.params.entry.level === "error" && !event.params.entry.text.includes("422")));
    check(errors.length === 0, `no error on the console: ${errors.map((event) => JSON.stringify(event.params)).join(" ")}`);
    check((await page.run("typeof window.xss")) === "undefined", "nothing that was written in a chat ran");
  };
  // Whoever set the stage does something, and says when it is done.
  const told = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const stage = async (what) => { console.log(`DO ${what}`); await told.next(); };
  return { check, until, click, type, press, drag, shot, readable, one, button, choose, go, says, refused, quiet, stage, failed: () => failed };
}

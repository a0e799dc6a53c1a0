// A passage that is covered for good, where policy allows it.
//   node tests/browser/desk-forever.mjs URL OUT [AXE]
import { open } from "./chromium.mjs";
import { hands } from "./hands.mjs";

const [url, out, axe] = process.argv.slice(2);
const page = await open(url);
const { until, click, shot, one, button, go, says, quiet, failed } = hands(page, out, axe);
try {
  await until("document.querySelector('#conversations button')");
  await go("orders");
  await until(button("Lak blijvend: laklijst 1"));
  await says("Het beleid staat dit toe", "#foreverWhy");
  await shot("desk-forever.png");
  for (const _ of ["asked", "sure"]) await click(button("Lak blijvend: laklijst 1"));
  await says("1 deel is blijvend gelakt");
  await until(`${one("#forever")}.textContent.includes("Er is niets")`);
  await quiet();
} finally { await page.close(); }
process.exit(failed() ? 1 : 0);

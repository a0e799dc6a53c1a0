// Phones at the desk: who is admitted, who is refused, and what may be removed from a device; not before the log has given its receipts.
//   node tests/browser/desk-phones.mjs URL OUT [AXE]
import { open } from "./chromium.mjs";
import { hands } from "./hands.mjs";

const [url, out, axe] = process.argv.slice(2);
const page = await open(url);
const { check, until, click, shot, readable, one, button, choose, go, says, refused, quiet, stage, failed } = hands(page, out, axe);
const state = (title) => `[...document.querySelectorAll("#contactList li")].find((one) => one.textContent.includes(${JSON.stringify(title)})).textContent`;
try {
  await until("document.querySelector('#conversations button')");
  await go("devices");
  await choose("#official", "Dave");
  await click(one("#askClearance"));
  await refused("nog niets uitgelezen", "a phone that nobody read out");
  await choose("#official", "Carol");
  await click(one("#askContacts"));
  await until(`document.activeElement.id === "contactsTitle" && ${state("Lobbyist")}.includes("wacht op een beslissing") && ${state("Journalist")}.includes("wacht")`);
  check(await page.run(`${state("Dossier")}.includes("wordt vastgelegd") && ${one("#admissionPolicy")}.textContent.includes("eerst toelaten")`), "what was captured before goes on, and the policy is said");
  await shot("desk-contacts.png");
  await readable("the admission of contacts");
  await click(button("Laat toe: Lobbyist"));
  await says("Toegelaten");
  await click(button("Weiger: Journalist"));
  await says("Geweigerd");
  await until(`${state("Lobbyist")}.includes("toegelaten") && ${state("Journalist")}.includes("geweigerd")`);
  check(!(await page.run(button("Weiger: Journalist"))) && (await page.run(`!!${button("Laat toe: Journalist")}`)), "who was refused can still be admitted");

  await stage("sign a message that the log does not answer for");
  await click(one("#askClearance"));
  await refused("niet alles is in het log bevestigd", "a clearance before the receipts");
  check(await page.run(`!${one("#clearance")}.checkVisibility()`), "nothing is shown as free");
  await shot("desk-unreceipted.png");
  await stage("the read-out desk stops");
  await click(one("#askClearance"));
  await until(`document.activeElement.id === "clearanceTitle"`);
  const lines = await page.run(`[...document.querySelectorAll("#clearanceList li")].map((one) => one.textContent).join("|")`);
  check(lines.includes("Kabinet-een.txt: blijft op het toestel: bevroren: enquete"), `what is held stays: ${lines}`);
  check(lines.includes("Dossier-een.txt: mag van het toestel"), "what is in the log may go");
  check(lines.includes("Lobbyist: blijft op het toestel: contact niet toegelaten"), "what was left out stays");
  await shot("desk-clearance.png");
  await readable("a clearance");
  await click(one("#clearIt"));
  await says("De vrijgave is ondertekend");
  await click(one("#language"));
  await until("document.documentElement.lang === 'en'");
  await click(one("#askClearance"));
  await until(`${one("#clearanceList")}.textContent.includes("may be removed")`);
  await page.size(390, 844);
  check(await page.run("document.documentElement.scrollWidth <= innerWidth"), "a phone needs no sideways scrolling");
  await quiet();
} finally { await page.close(); }
process.exit(failed() ? 1 : 0);

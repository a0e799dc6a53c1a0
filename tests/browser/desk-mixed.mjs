// A request about chats that came in four ways: each is read at the desk, a word of each is covered, and each form of a package leaves.
//   node tests/browser/desk-mixed.mjs URL OUT [AXE]
import { open } from "./chromium.mjs";
import { hands } from "./hands.mjs";

const [url, out, axe] = process.argv.slice(2);
const page = await open(url);
const { check, until, click, type, shot, readable, one, button, choose, go, says, refused, quiet, failed } = hands(page, out, axe);
const said = (words) => `[...document.querySelectorAll('#messages li.message')].find((one) => one.textContent.includes(${JSON.stringify(words)}))`;
const word = (words, wanted) => `[...${said(words)}.querySelectorAll('.w')].find((one) => one.textContent.trim() === ${JSON.stringify(wanted)})`;
const approve = async (what, by) => {
  await go("approve");
  await until(button(`Bekijken: ${what}`));
  await type(one("#approver"), by);
  await click(button(`Bekijken: ${what}`));
  await until(`${one("#lookedMessages li")}?.checkVisibility() && ${one("#looked")}.textContent.includes(${JSON.stringify(what.split(":")[0])})`);
  await click(one("#agree"));
  await says("Goedgekeurd");
};
const note = async (about, text, more = async () => {}) => {
  await go("cases");
  await choose("#noteAbout", about);
  await type(one("#noteText"), text);
  await more();
  await click(one("#noteIt"));
  await says("Vastgelegd");
  await until(`${one("#notes")}.textContent.includes(${JSON.stringify(text)})`);
};
try {
  await until("document.querySelector('#conversations button')");
  await type(one("#purpose"), "Woo Veerhaven");
  const chats = [
    ["Veerhaven WhatsApp", "Punt 2 klopt niet", "klopt", "whatsapp"],
    ["Veerhaven Signal", "ja hoor", "hoor", "signal"],
    ["Veerhaven Matrix", "ja hoor", "hoor", "matrix"],
  ];
  for (const [title, words, wanted, name] of chats) {
    await go("chats");
    await click(button(`Openen: ${title}`));
    // Words of the chat before may stand there as long as this one is fetched.
    await until(`${one("#chatTitle")}.textContent === ${JSON.stringify(title)}`);
    await until(said(words));
    if (name === "signal") check(await page.run(`!!${said("Carla: tot zo")}`), "what was typed over from a screenshot stands among the messages");
    check(!(await page.run("/seq:[0-9]|[0-9a-f]{8}-[0-9a-f]{4}-|\\$[A-Za-z0-9_-]{20}/.test(document.querySelector('#messages').innerText)")), "what a message is about is told in words, not by an id");
    await click(word(words, wanted));
    await choose("#ground", "5.1.2e");
    await type(one("#decision"), `laklijst ${name}`);
    await shot(`desk-mixed-${name}.png`);
    await readable(`a chat of ${name}`);
    await click(one("#propose"));
    await says("Voorgesteld");
    if (name !== "whatsapp") check(await page.run(`${one("#status")}.textContent.includes("Ook gelakt, omdat het daar nog eens staat: het bronrecord")`), "what says a word again is redacted with it, and that is told");
    await approve(`laklijst ${name}`, "hoofd DIV");
  }

  await go("cases");
  await click(one("#newCase summary"));
  await type(one("#caseName"), "Woo Veerhaven");
  await type(one("#requester"), "een journalist");
  await type(one("#matter"), "alles over de Veerhaven");
  await click("[...document.querySelectorAll('#caseAbout input')].find((one) => one.value === 'Anna de Vries')");
  await click(one("#openCase"));
  await says("is bevroren");
  await note("zoekslag", "de telefoon van Anna, vier kanalen");
  await note("zienswijze", "de haven had geen bezwaar");
  await note("besluit", "deels openbaar", () => type(one("#noteDecision"), "Woo-besluit Veerhaven"));
  const forms = [["Veerhaven WhatsApp", "whatsapp", "sip", "Nationaal Archief"], ["Veerhaven Signal", "signal", "rsmf", "Onderzoekers"], ["Veerhaven Matrix", "matrix", "counts", "Inspectie"]];
  for (const [title, name, form, recipient] of forms) {
    await go("cases");
    await until(`[...${one("#packCover")}.options].some((one) => one.textContent.includes("laklijst ${name}"))`);
    await choose("#packOf", `conversation:${title}`);
    const manifest = await page.run(`[...${one("#packCover")}.options].find((one) => one.textContent.includes("laklijst ${name}")).value`);
    await choose("#packCover", manifest);
    await type(one("#packRecipient"), recipient);
    await click(one("#packIt"));
    await says("1 deels gelakt");
    await approve(`Pakket voor ${recipient}: ${title}`, "hoofd DIV");
    await go("cases");
    await until(button(`Verstrek: ${recipient}`));
    await choose("#form", form);
    await click(button(`Verstrek: ${recipient}`));
    await says("Verstrekt: ");
  }
  await shot("desk-mixed-sent.png");
  await note("wachttijd", "bezwaar van een derde", () => page.run(`${one("#noteUntil")}.value = "2099-01-01"`));
  check(await page.run(`[...document.querySelectorAll("#steps li")].some((one) => one.textContent.includes("Wachttermijn: nog te doen"))`), "a term that runs is something that is still to come");
  await choose("#packOf", "conversation:Veerhaven WhatsApp");
  await choose("#packCover", "");
  await type(one("#packRecipient"), "Tweede Kamer");
  await click(one("#packIt"));
  await says("Het pakket is gemaakt");
  await approve("Pakket voor Tweede Kamer: Veerhaven WhatsApp", "hoofd DIV");
  await go("cases");
  await until(button("Verstrek: Tweede Kamer"));
  await click(button("Verstrek: Tweede Kamer"));
  await refused("de wachttermijn loopt tot", "a disclosure while a term runs");
  await quiet();
} finally { await page.close(); }
process.exit(failed() ? 1 : 0);

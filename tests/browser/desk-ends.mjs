// What ends at the desk: a term, a hold in the way, a second pair of eyes, and what is carried out; and a passage covered for good.
//   node tests/browser/desk-ends.mjs URL OUT [AXE]
import { open } from "./chromium.mjs";
import { hands } from "./hands.mjs";

const [url, out, axe] = process.argv.slice(2);
const page = await open(url);
const { check, until, click, type, shot, readable, one, button, choose, go, says, refused, quiet, failed } = hands(page, out, axe);
const messageWith = (words) => `[...document.querySelectorAll("#messages li.message")].find((one) => one.textContent.includes(${JSON.stringify(words)}))`;
const holdIt = async () => {
  await go("chats");
  await click(one("#tabHold"));
  await type(one("#holdReason"), "enquête");
  await click(one("#hold"));
  await says("Bevroren");
};
const release = async () => {
  await go("due");
  await until(button("Opheffen: enquête"));
  await type(one("#releaseReason"), "de enquête is afgerond");
  await click(button("Opheffen: enquête"));
  await says("opgeheven");
};
try {
  await until("document.querySelector('#conversations button')");
  await type(one("#purpose"), "vernietigingsronde");
  await click(button("Openen: Dossier"));
  await until(messageWith("op termijn"));
  await click(one("#tabTerm"));
  await click(one("#tabEnd"));
  await choose("#end", "geschoond");
  await click(one("#endPropose"));
  await refused("Kies eerst berichten", "an end of nothing");
  await click(`${messageWith("van mijn zus")}.querySelector(".pick")`);
  await click(one("#endPropose"));
  await refused("alleen wat als privé", "weeding of what nobody classified");
  await click(one("#tabClass"));
  await choose("#class", "prive");
  await click(one("#classify"));
  await says("geclassificeerd");
  await click(`${messageWith("van mijn zus")}.querySelector(".pick")`);
  await click(one("#tabEnd"));
  await click(one("#endPropose"));
  await says("Voorgesteld: 1 bericht");
  await shot("desk-end.png");
  await readable("an end that is proposed");
  await click(one("#tabTerm"));
  await choose("#category", "2.3");
  await click(one("#retain"));
  await says("De categorie is toegekend");
  await holdIt();

  await go("due");
  await until(button("Stel voor: Dossier, februari 2026"));
  check(!(await page.run(button("Stel voor: Dossier, november 2026"))), "what is not due is not offered");
  await click(button("Stel voor: Dossier, februari 2026"));
  await refused("welk besluit", "a destruction without a decision");
  await type(one("#dueDecision"), "besluit 4");
  await click(button("Stel voor: Dossier, februari 2026"));
  await refused("bevroren (enquête)", "a destruction of what is held");
  await shot("desk-due-held.png");
  await release();
  await click(button("Stel voor: Dossier, februari 2026"));
  await says("Voorgesteld: 1 bericht");
  check(await page.run(`${one("#dueRows")}.textContent.includes("voorgesteld") && !${button("Stel voor: Dossier, februari 2026")}`), "what is proposed is not proposed again");

  await go("orders");
  await until(`${one("#endings")}.textContent.includes("Er is niets")`);
  check(true, "nothing is carried out that nobody approved");
  await go("approve");
  await until(button("Bekijken: besluit 4"));
  await type(one("#approver"), "informatiebeheerder");
  await click(button("Bekijken: besluit 4"));
  await refused("heeft dit zelf voorgesteld", "an approval by who proposed");
  await type(one("#approver"), "hoofd DIV");
  await click(button("Bekijken: besluit 4"));
  await until(`${one("#looked li.ends")}?.checkVisibility()`);
  check(await page.run(`document.querySelectorAll("#looked li.ends").length === 1 && ${one("#looked li.ends")}.textContent.includes("op termijn vernietigd") && ${one("#looked li.ends")}.textContent.includes("wordt vernietigd")`), "the approver sees the messages that will be destroyed");
  await shot("desk-look-end.png");
  await readable("what is to be destroyed");
  // Who looked under one name does not approve under another.
  await type(one("#approver"), "iemand anders");
  await click(one("#agree"));
  await refused("Bekijk eerst, onder uw eigen naam", "an approval by who did not look");
  await type(one("#approver"), "hoofd DIV");
  await click(one("#agree"));
  await says("Goedgekeurd");

  await holdIt();
  await go("orders");
  await until(button("Voer uit: besluit 4"));
  await click(button("Voer uit: besluit 4"));
  await says("niet ongedaan");
  check(await page.run(`${one("#endings")}.textContent.includes("Zeker weten?")`), "what cannot be undone is asked twice");
  await click(button("Voer uit: besluit 4"));
  await refused("bevroren (enquête)", "a hold that came between");
  await release();
  await go("orders");
  await until(button("Voer uit: besluit 4"));
  for (const _ of ["asked", "sure"]) await click(button("Voer uit: besluit 4"));
  await says("Uitgevoerd: 1 bericht");
  await go("due");
  await until(`[...document.querySelectorAll("#dueRows tr")].some((one) => one.textContent.includes("februari") && one.textContent.includes("vernietigd"))`);
  await shot("desk-due-ended.png");

  await click(one("#language"));
  await until("document.documentElement.lang === 'en' && document.querySelector('#dueRows').textContent.includes('destroyed')");
  await quiet();
} finally { await page.close(); }
process.exit(failed() ? 1 : 0);

// The officer's desk in a real browser, with real clicks: read a chat, cover words, propose, approve; hostile words stay words.
//   node tests/browser/desk.mjs URL OUT [AXE]
import { request } from "node:http";
import { open } from "./chromium.mjs";
import { hands } from "./hands.mjs";

const [url, out, axe] = process.argv.slice(2);
const page = await open(url);
const { check, until, click, type, press, drag, shot, readable, failed } = hands(page, out, axe);
try {
  await until("document.querySelector('#conversations button')");
  check(await page.run("location.search === ''"), "the token is not in the address any more");
  check(await page.run("document.documentElement.lang === 'nl'"), "Dutch comes first");
  check(!(await page.run("/[0-9a-f]{32}/.test(document.body.innerText)")), "no ids in sight");
  await click("document.querySelector('#conversations button')");
  await until("document.querySelector('#alert').textContent.includes('doel')");
  check(await page.run("document.querySelectorAll('#messages li').length === 0"), "nothing is opened without a purpose");
  await type("document.querySelector('#purpose')", "Woo 2026-17");
  await click("document.querySelector('#conversations button')");
  await until("document.querySelectorAll('#messages li').length > 10");
  await shot("desk-chat.png");
  await page.run("scrollTo(0, 0)");
  await shot("desk-conversations.png");
  check((await page.run("typeof window.xss")) === "undefined", "nothing that was written in a chat ran");
  await readable("a conversation");

  const word = "[...document.querySelectorAll('.w')].filter((one) => one.textContent.trim() === 'kamerbrief')[0]";
  await click(word);
  check(await page.run(`${word}.getAttribute('aria-pressed') === 'true'`), "a click chooses a word");
  await press("ArrowRight", "ArrowRight");
  await press(" ", "Space", " ");
  check(await page.run("document.querySelectorAll('.w[aria-pressed=true]').length === 2"), "arrow and space choose the next");
  await press("ArrowRight", "ArrowRight", undefined, 8);
  check(await page.run("document.querySelectorAll('.w[aria-pressed=true]').length === 3"), "shift and arrow choose on");
  await press(" ", "Space", " ");
  check(await page.run("document.querySelectorAll('.w[aria-pressed=true]').length === 2"), "space lets go of it again");
  const three = "[...document.querySelectorAll('.w')].filter((one) => one.textContent.trim() && one.getAttribute('aria-pressed') === 'false' && one.closest('p').children.length > 3)";
  await drag(`${three}[0].closest('p').children[0]`, `${three}[0].closest('p').children[2]`);
  check(await page.run("document.querySelectorAll('.w[aria-pressed=true]').length >= 5"), "dragging chooses a run of words");
  await shot("desk-chosen.png");
  await click("document.querySelector('#clear')");
  check(await page.run("document.querySelectorAll('.w[aria-pressed=true]').length === 0"), "the choice can be cleared");
  await click(word);
  await press("ArrowRight", "ArrowRight");
  await press(" ", "Space", " ");
  await page.run("document.querySelector('#ground').value = '5.1.2i'");
  await click("document.querySelector('#propose')");
  await until("document.querySelector('#alert').textContent.includes('besluit')");
  await type("document.querySelector('#decision')", "Woo-besluit 2026-17");
  await click("document.querySelector('#propose')");
  await until("document.body.dataset.manifest");
  check(await page.run("document.querySelector('#status').textContent.startsWith('Voorgesteld')"), "it says that it was proposed");
  await click("document.querySelectorAll('.pick')[5]");
  await click("document.querySelector('#tabClass')");
  await page.run("document.querySelector('#class').value = 'zakelijk'");
  await click("document.querySelector('#classify')");
  await until("[...document.querySelectorAll('#messages .tag')].some((one) => one.textContent === '[zakelijk]')");
  await click("document.querySelector('#accept')");
  await until("document.querySelector('#status').textContent.startsWith('Aanvaard')");
  // From one tab to the next by the keyboard.
  await click("document.querySelector('#tabClass')");
  for (const _ of [1, 2]) await press("ArrowRight", "ArrowRight");
  check(await page.run("document.activeElement.id === 'tabHold' && document.querySelector('#holdReason').checkVisibility()"), "arrows go between tabs");
  await click("document.querySelector('#hold')");
  await until("document.querySelector('#alert').textContent.includes('reden')");
  await type("document.querySelector('#holdReason')", "enquête");
  await click("document.querySelector('#hold')");
  await until("document.querySelector('#status').textContent.startsWith('Bevroren')");

  await click("document.querySelector('[data-view=approve]')");
  await until("document.querySelector('#waiting button')");
  check(await page.run("document.querySelector('#waiting').textContent.includes('Woo-besluit 2026-17') && document.querySelector('#waiting').textContent.includes('5.1.2i')"), "the inbox says what and why");
  await shot("desk-approve.png");
  await readable("the inbox");
  await click("document.querySelector('#waiting button')");
  await until("document.querySelector('#alert').textContent.includes('wie goedkeurt')");
  await type("document.querySelector('#approver')", "hoofd DIV");
  await click("document.querySelector('#waiting button')");
  await until("document.querySelector('#looked').checkVisibility() && document.activeElement.id === 'lookedTitle'");
  check(await page.run("[...document.querySelectorAll('#looked mark')].some((one) => one.textContent.includes('kamerbrief') && one.textContent.includes('5.1.2i'))"), "the approver sees the words that will be covered, and on which ground");
  check(await page.run("document.querySelectorAll('#looked li.message').length === 1"), "and only the messages that it is about");
  await shot("desk-look.png");
  await readable("what is to be approved");
  await click("document.querySelector('#agree')");
  await until("document.querySelector('#waiting').textContent.includes('Er is niets')");

  await click("document.querySelector('[data-view=search]')");
  await type("document.querySelector('#words')", "goedemorgen");
  await type("document.querySelector('#searchPurpose')", "Woo 2026-17");
  await click("document.querySelector('#find')");
  await until("document.querySelector('#chatTitle').textContent.includes('goedemorgen') && document.querySelectorAll('#messages li').length > 0");
  check(await page.run("[...document.querySelectorAll('#messages li.message')].every((one) => one.textContent.toLowerCase().includes('goedemorgen'))"), "a search finds what was asked");
  await page.run("document.querySelector('#searchFrom').value = '2026-05-05'");
  await click("document.querySelector('#find')");
  await until("document.querySelector('#status').textContent.startsWith('0 berichten')");
  await page.run("for (const id of ['words', 'searchFrom']) document.querySelector('#' + id).value = ''");
  await click("document.querySelector('#find')");
  await until("document.querySelector('#alert').textContent.includes('welke woorden')");
  await type("document.querySelector('#searchSender')", "daan");
  await click("document.querySelector('#find')");
  await until("document.querySelectorAll('#messages li.message').length > 0");
  check(await page.run("[...document.querySelectorAll('#messages .who')].every((one) => one.textContent.includes('Daan'))"), "a search by person finds that person");
  await click("document.querySelector('[data-view=due]')");
  await until("document.querySelectorAll('#dueRows tr').length > 0 && document.querySelector('#holds').textContent.includes('enquête')");
  check(await page.run("[...document.querySelectorAll('#dueRows tr')].some((one) => one.children[5].textContent !== '')"), "what falls due says what is held, and why");
  await shot("desk-due.png");
  await readable("what falls due");
  await type("document.querySelector('#releaseReason')", "de enquête is afgerond");
  await click("[...document.querySelectorAll('#holds button')].find((one) => one.getAttribute('aria-label').includes('enquête'))");
  await until("document.querySelector('#status').textContent.startsWith('De bevriezing') && !document.querySelector('#holds').textContent.includes('enquête')");
  await click("document.querySelector('[data-view=cases]')");
  await until("document.querySelector('#caseList').textContent.includes('Woo 2026-17')");
  check(await page.run("document.querySelector('#caseList').textContent.includes('zoekslag nog vast te leggen')"), "a case says what has to be done next");
  await shot("desk-cases.png");
  await readable("the cases");
  await click("document.querySelector('#language')");
  await until("document.documentElement.lang === 'en' && document.querySelector('h2').textContent.startsWith('Conversations')");
  await page.size(390, 844);
  check(await page.run("document.documentElement.scrollWidth <= innerWidth"), "a phone needs no sideways scrolling");
  await shot("desk-phone.png");
  await click("document.querySelector('[data-view=chats]')");
  await shot("desk-phone-chat.png");

  // Who comes again with the token, from elsewhere, or under another name, gets nothing.
  const status = async (...request) => (await fetch(...request)).status;
  const home = new URL(url);
  check((await status(url)) === 403, "the token opens once");
  check((await status(home.origin + "/")) === 403, "nothing without the cookie");
  check((await status(home.origin + "/api/lists", { method: "POST", body: "{}" })) === 403, "no act without the cookie");
  // Another name for this machine (DNS rebinding), and another page that asks: both are sent away before the cookie is looked at.
  const said = (host) => new Promise((good, bad) => request({ host: home.hostname, port: home.port, path: "/", headers: { host } }, (answer) => { answer.resume(); good(answer.statusCode); }).on("error", bad).end());
  check((await said("evil.example:" + home.port)) === 403 && (await said("localhost:" + home.port)) === 403, "it answers to its own address only");
  const cookie = (await page.send("Network.getCookies", { urls: [home.origin] })).cookies.map((one) => `${one.name}=${one.value}`).join("; ");
  const foreign = { method: "POST", body: "{}", headers: { cookie, origin: "http://evil.example" } };
  check((await status(home.origin + "/api/lists", foreign)) === 403, "no act for another page, cookie or not");
  check((await status(home.origin + "/api/lists", { ...foreign, headers: { cookie } })) === 403, "no act without saying from where");
  const asked = page.events.filter((event) => event.method === "Network.requestWillBeSent").map((event) => event.params.request.url);
  // A picture of the browser's own (the calendar of a date) is data, and asks nobody.
  const elsewhere = asked.filter((one) => !one.startsWith(home.origin) && !one.startsWith("data:"));
  check(elsewhere.length === 0, `asks for nothing elsewhere: ${elsewhere.join(" ")}`);
  // A refusal is shown to the officer; the browser notes it as well.
  const errors = page.events.filter((event) => event.method === "Runtime.exceptionThrown" ||
    (event.method === "Log.entryAdded" && event.params.entry.level === "error" && !event.params.entry.text.includes("422")));
  check(errors.length === 0, `no error on the console: ${errors.map((event) => JSON.stringify(event.params)).join(" ")}`);
  console.log(`manifest ${await page.run("document.body.dataset.manifest")}`);
} finally { await page.close(); }
process.exit(failed() ? 1 : 0);

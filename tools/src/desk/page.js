// The desk's page: it asks, shows what comes back as text, and never as markup.
"use strict";
const $ = (id) => document.getElementById(id);
const texts = {
  nl: { chats: "Gesprekken", came: "Binnengekomen gesprekken", search: "Zoeken", approve: "Goedkeuren", inbox: "Wacht op een tweede paar ogen", cases: "Zaken", due: "Termijnen", purpose: "Doel van de inzage",
    why: "Uw naam en het doel komen in het logboek voordat er iets opengaat.", whySearch: "In het logboek komt dat u zocht en waarvoor, niet wat u zocht.",
    open: "Openen", words: "Woorden", find: "Zoek", approver: "Wie keurt goed", agree: "Goedkeuren", case: "Zaak", of: "Gesprek", regime: "Kader", requester: "Verzoeker", matter: "Onderwerp", state: "Stand", exports: "Uitgeleverde pakketten", covered: "Gelakt",
    recipient: "Ontvanger", date: "Datum", month: "Maand", events: "Aantal", category: "Categorie", term: "Termijn", held: "Bevroren", holds: "Bevriezingen", releaseWhy: "Reden van opheffing", release: "Opheffen", released: "De bevriezing is opgeheven.",
    how: "Kies woorden: klik, of sleep over meer woorden. Met het toetsenbord: pijltjes om te lopen, spatiebalk om te kiezen, shift en pijltje om door te kiezen. Het vakje links kiest een bericht om te classificeren.", decide: "Beslissen", cover: "Lakken", ground: "Grond",
    decision: "Besluit", motivation: "Motivering (bij ouder dan vijf jaar)", hide: "Verberg ook de lengte", propose: "Voorstellen", classify: "Classificeren", class: "Klasse", test: "Toets", clear: "Wis keuze", pickAll: "Kies alles op deze bladzijde",
    content: "inhoud", contact: "contact", give: "Geef klasse", chosen: (n) => n === 1 ? "1 woord gekozen" : `${n} woorden gekozen`, picked: (n) => n === 1 ? "1 bericht gekozen" : `${n} berichten gekozen`, none: "Er is niets.",
    proposed: "Voorgesteld. Een ander moet het goedkeuren voordat het geldt.", approved: "Goedgekeurd.", classified: (n) => n === 1 ? "1 bericht geclassificeerd." : `${n} berichten geclassificeerd.`,
    parts: (n) => n === 1 ? "1 deel te lakken" : `${n} delen te lakken`, ends: (n) => `${n} berichten te vernietigen`, unassigned: "geen categorie", kept: "blijvend bewaren",
    due_after: (m) => `tot en met ${m}`, past: "verstreken", open_term: "nog niet begonnen", gone: "(niet meer aanwezig)", busy: "Bezig…", found: (n) => n === 1 ? "1 bericht" : `${n} berichten`, page: "Zegel – werkplek",
    earlier: "Vorige bladzijde", later: "Volgende bladzijde", pages: (at, all) => `bladzijde ${at} van ${all}`, freeze: "Bevriezen", reason: "Reden", holdIt: "Bevries dit gesprek", holding: "Bevroren: dit gesprek wordt niet vernietigd.", to: "t/m", yes: "ja", no: "nee", unknownDay: "Datum onbekend", space: "witruimte",
    states: { closed: "gesloten", disclosed: "verstrekt", search: "zoekslag nog vast te leggen", decision: "nog te besluiten", waits: "wachttermijn loopt", approval: "nog goed te keuren", ready: "kan worden verstrekt" },
    regimes: { woo: "Woo", enquete: "parlementaire enquête", kamervragen: "Kamervragen", inspectie: "inspectie", betrokkene: "inzage betrokkene", overbrenging: "overbrenging" },
    months: ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"] },
  en: { chats: "Conversations", came: "Conversations that came in", search: "Search", approve: "Approve", inbox: "Waiting for a second pair of eyes", cases: "Cases", due: "Terms", purpose: "Purpose of reading",
    why: "Your name and the purpose go into the log before anything opens.", whySearch: "The log says that you searched and why, not what for.",
    open: "Open", words: "Words", find: "Find", approver: "Who approves", agree: "Approve", case: "Case", of: "Conversation", regime: "Regime", requester: "Requester", matter: "Subject", state: "State", exports: "Packages that were exported", covered: "Redacted",
    recipient: "Recipient", date: "Date", month: "Month", events: "Number", category: "Category", term: "Term", held: "Held", holds: "Holds", releaseWhy: "Reason of release", release: "Release", released: "The hold was released.",
    how: "Choose words: click, or drag over several. With the keyboard: arrows to walk, space to choose, shift and an arrow to go on choosing. The box on the left picks a message to classify.", decide: "Decide", cover: "Redact", ground: "Ground",
    decision: "Decision", motivation: "Motivation (if older than five years)", hide: "Hide the length too", propose: "Propose", classify: "Classify", class: "Class", test: "Test", clear: "Clear choice", pickAll: "Pick all on this page",
    content: "content", contact: "contact", give: "Give class", chosen: (n) => n === 1 ? "1 word chosen" : `${n} words chosen`, picked: (n) => n === 1 ? "1 message picked" : `${n} messages picked`, none: "There is nothing.",
    proposed: "Proposed. Somebody else has to approve it before it counts.", approved: "Approved.", classified: (n) => n === 1 ? "1 message classified." : `${n} messages classified.`,
    parts: (n) => n === 1 ? "1 part to be covered" : `${n} parts to be covered`, ends: (n) => `${n} messages to be destroyed`, unassigned: "no category", kept: "kept for ever",
    due_after: (m) => `through ${m}`, past: "passed", open_term: "not begun", gone: "(no longer there)", busy: "Working…", found: (n) => n === 1 ? "1 message" : `${n} messages`, page: "Zegel – desk",
    earlier: "Previous page", later: "Next page", pages: (at, all) => `page ${at} of ${all}`, freeze: "Hold", reason: "Reason", holdIt: "Hold this conversation", holding: "Held: this conversation will not be destroyed.", to: "through", yes: "yes", no: "no", unknownDay: "Date unknown", space: "white space",
    states: { closed: "closed", disclosed: "disclosed", search: "search still to be noted", decision: "still to be decided", waits: "a term is running", approval: "still to be approved", ready: "can be disclosed" },
    regimes: { woo: "Woo", enquete: "parliamentary enquiry", kamervragen: "questions of members", inspectie: "inspection", betrokkene: "data subject", overbrenging: "transfer" },
    months: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"] },
};
// Messages on one page: every word of them can be chosen.
const PAGE = 200;
let language = "nl", messages = [], chosen = new Map(), picked = new Set(), lists = null, opened = null, first = 0;
const t = (key) => texts[language][key];
const make = (name, text, className) => { const one = document.createElement(name); if (text !== undefined) one.textContent = text; if (className) one.className = className; return one; };
const say = (text) => { $("status").textContent = text; $("alert").textContent = ""; };

async function ask(name, asked = {}) {
  say(t("busy"));
  const answer = await fetch("/api/" + name, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked) });
  const text = await answer.text();
  if (!answer.ok) {
    let said = text;
    try { said = JSON.parse(text)[language]; } catch { }
    $("status").textContent = "";
    $("alert").textContent = said;
    throw new Error(name);
  }
  say("");
  return JSON.parse(text);
}
const on = (id, work) => $(id).addEventListener("click", () => work().catch(() => {}));
const month = (m) => m ? `${t("months")[m % 100 - 1] ?? ""} ${Math.floor(m / 100)}`.trim() : "";
const span = (from, to) => !from ? "" : from === to ? month(from) : `${month(from)} ${t("to")} ${month(to)}`;

function label() {
  document.documentElement.lang = language;
  document.title = t("page");
  document.querySelectorAll("[data-t]").forEach((one) => { one.textContent = t(one.dataset.t); });
  $("language").textContent = language === "nl" ? "English" : "Nederlands";
  $("language").lang = language === "nl" ? "en" : "nl";
  count();
}

function view(name) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== name && !(section.id === "chat" && messages.length && (name === "chats" || name === "search"));
  document.querySelectorAll("nav button").forEach((one) => one.dataset.view === name ? one.setAttribute("aria-current", "page") : one.removeAttribute("aria-current"));
  $("bar").hidden = $("chat").hidden;
  $("holding").hidden = !opened;
}

// An entry of a list: what it is, and the button that does something with it.
function entry(text, detail, word, work) {
  const item = make("li"), button = make("button", word, "do"), said = make("span");
  button.type = "button";
  button.setAttribute("aria-label", `${word}: ${text}`);
  button.addEventListener("click", () => work().catch(() => {}));
  said.append(make("strong", text), make("small", detail));
  item.append(said, button);
  return item;
}
const filled = (id, items) => $(id).replaceChildren(...(items.length ? items : [make("li", t("none"))]));

async function open() {
  lists = await ask("lists");
  $("ministry").textContent = lists.ministry;
  $("person").textContent = lists.person;
  const option = (item) => { const one = make("option", `${item.code} – ${item.label}`); one.value = item.code; return one; };
  $("ground").replaceChildren(...lists.grounds.map(option));
  $("ground").value = "5.1.2e";
  $("class").replaceChildren(...lists.classes.map(option));
  filled("conversations", lists.conversations.map((found) => entry(found.title, `${t("found")(found.events)}, ${span(found.first, found.last)}`, t("open"), () => read(found.title))));
}

async function read(title) {
  const found = await ask("read", { conversation: title, purpose: $("purpose").value });
  opened = title;
  show(title, found.messages);
  view("chats");
  $("chatTitle").scrollIntoView();
  $("chatTitle").focus({ preventScroll: true });
}

function show(title, found) {
  messages = found; chosen = new Map(); picked = new Set(); first = 0;
  $("chatTitle").textContent = title;
  lay();
  say(t("found")(found.length));
}

// One page of the conversation.
function lay() {
  const items = [];
  let day = null;
  messages.slice(first, first + PAGE).forEach((message, at) => {
    const on = message.day || t("unknownDay");
    if (on !== day) { day = on; items.push(make("li", on, "day")); }
    items.push(line(message, first + at));
  });
  $("messages").replaceChildren(...items);
  $("earlier").disabled = first === 0;
  $("later").disabled = first + PAGE >= messages.length;
  $("page").textContent = t("pages")(first / PAGE + 1, Math.max(1, Math.ceil(messages.length / PAGE)));
  document.querySelector(".pager").hidden = messages.length <= PAGE;
  count();
}
const turn = (by) => async () => { first += by; lay(); $("chatTitle").scrollIntoView(); };
on("earlier", turn(-PAGE));
on("later", turn(PAGE));

function line(message, number) {
  const item = make("li", undefined, message.said ? "message" : "message note"), head = make("div", undefined, "head"), body = make("p");
  const pick = make("input");
  pick.type = "checkbox"; pick.dataset.number = number; pick.className = "pick"; pick.checked = picked.has(number);
  pick.setAttribute("aria-label", `${message.sender} ${message.time}`);
  pick.addEventListener("change", () => { if (pick.checked) picked.add(number); else picked.delete(number); count(); });
  head.append(pick, " ", make("span", message.sender, "who"), " ", make("span", message.class ? `[${message.class}]` : "", "tag class"));
  if (message.kind !== "MESSAGE_CREATED") head.append(" ", make("span", message.label[language], "tag"));
  head.append(make("span", message.time, "when"));
  if (message.gone) body.textContent = t("gone");
  const words = chosen.get(number);
  message.words.forEach((word, at) => {
    const one = make("button", word, "w");
    one.type = "button"; one.tabIndex = at ? -1 : 0; one.dataset.number = number; one.dataset.at = at;
    one.setAttribute("aria-pressed", String(words?.has(at) ?? false));
    // White space alone has no name to be read out.
    if (!word.trim()) one.setAttribute("aria-label", t("space"));
    body.append(one);
  });
  item.append(head);
  if (message.target) item.append(make("div", message.target, "tag target"));
  item.append(body);
  for (const name of message.attachments) item.append(make("div", `📎 ${name}`, "tag"));
  return item;
}

// A word is chosen or let go; dragging and shift do to the others what was done to the first.
function choose(button, wanted) {
  const number = Number(button.dataset.number), at = Number(button.dataset.at);
  const words = chosen.get(number) ?? new Set();
  if (wanted) words.add(at); else words.delete(at);
  button.setAttribute("aria-pressed", String(wanted));
  chosen.set(number, words);
  count();
}
const isChosen = (button) => button.getAttribute("aria-pressed") === "true";
let drag = null;
const word = (event) => event.target instanceof Element ? event.target.closest(".w") : null;
$("messages").addEventListener("pointerdown", (event) => {
  const button = word(event);
  if (!button || event.button) return;
  drag = { wanted: !isChosen(button), isTouch: event.pointerType === "touch" };
  if (!drag.isTouch) choose(button, drag.wanted);
});
$("messages").addEventListener("pointerover", (event) => {
  const button = word(event);
  if (button && drag && !drag.isTouch && event.buttons & 1) choose(button, drag.wanted);
});
addEventListener("pointerup", () => { setTimeout(() => { drag = null; }); });
// The space bar, a screen reader and a finger click; a mouse has chosen when it was pressed.
$("messages").addEventListener("click", (event) => {
  const button = word(event);
  if (button && (event.detail === 0 || !drag || drag.isTouch)) choose(button, !isChosen(button));
});
$("messages").addEventListener("keydown", (event) => {
  const button = word(event);
  if (!button) return;
  const next = event.key === "ArrowRight" ? button.nextElementSibling : event.key === "ArrowLeft" ? button.previousElementSibling : null;
  if (!next) return;
  event.preventDefault();
  if (event.shiftKey) { choose(button, true); choose(next, true); }
  button.tabIndex = -1; next.tabIndex = 0;
  next.focus();
});

function count() {
  let words = 0;
  chosen.forEach((set) => { words += set.size; });
  $("chosen").textContent = t("chosen")(words);
  $("picked").textContent = t("picked")(picked.size);
}

on("clear", async () => {
  chosen = new Map();
  document.querySelectorAll('.w[aria-pressed="true"]').forEach((one) => one.setAttribute("aria-pressed", "false"));
  count();
});
on("pickAll", async () => {
  document.querySelectorAll(".pick").forEach((one) => { one.checked = true; picked.add(Number(one.dataset.number)); });
  count();
});
on("propose", async () => {
  const parts = [];
  chosen.forEach((words, number) => words.forEach((at) => parts.push({ place: messages[number].place, first: at, count: 1,
    grounds: [$("ground").value], hide_length: $("hide").checked, at_ms: messages[number].at_ms, motivation: $("motivation").value })));
  const done = await ask("propose", { decision: $("decision").value, parts });
  document.body.dataset.manifest = done.manifest;
  say([t("proposed"), ...done.warnings.map((one) => `⚠ ${one[language]}`)].join(" "));
});
on("classify", async () => {
  const numbers = [...picked];
  const done = await ask("classify", { places: numbers.map((number) => messages[number].place), class: $("class").value, test: $("test").value });
  for (const number of numbers) messages[number].class = $("class").value;
  picked = new Set();
  lay();
  say(t("classified")(done.classified));
});
on("hold", async () => {
  await ask("hold", { conversation: opened ?? "", reason: $("holdReason").value });
  $("holdReason").value = "";
  say(t("holding"));
});
on("find", async () => {
  const found = await ask("search", { words: $("words").value, purpose: $("searchPurpose").value });
  opened = null;
  show(`${t("search")}: ${$("words").value}`, found.messages);
  view("search");
});
on("language", async () => { language = language === "nl" ? "en" : "nl"; label(); lay(); await open(); });

async function inbox() {
  const { waiting } = await ask("waiting", { person: $("approver").value });
  filled("waiting", waiting.map((act) => {
    const what = act.kind === "REDACTION_MANIFEST" ? t("parts")(act.count) : t("ends")(act.count);
    const grounds = [...new Set(act.parts.flatMap((part) => part.grounds))].join(", ");
    return entry(act.decision || act.code, `${what}${grounds ? ` (${grounds})` : ""}, ${act.date}`, t("agree"), async () => {
      await ask("approve", { id: act.id, person: $("approver").value });
      await inbox();
      say(t("approved"));
    });
  }));
}
const row = (cells) => { const one = make("tr"); one.append(...cells.map((cell) => make("td", String(cell)))); return one; };
const rows = (id, width, found) => {
  const none = make("tr"), cell = make("td", t("none"));
  cell.colSpan = width;
  none.append(cell);
  $(id).replaceChildren(...(found.length ? found : [none]));
};
async function cases() {
  const found = await ask("cases");
  rows("caseRows", 5, found.cases.map((one) => row([one.case, t("regimes")[one.regime] ?? one.regime, one.requester, one.matter, t("states")[one.state]])));
  rows("exportRows", 5, found.exports.map((one) => row([one.case, one.of ?? "", one.recipient, one.date, one.covered ? t("yes") : t("no")])));
}
async function terms() {
  const found = await ask("due");
  const term = (one) => one.term.state === "due" ? `${t("due_after")(month(one.term.month))}${one.is_past ? `, ${t("past")}` : ""}` : one.term.state === "kept" ? t("kept") : one.term.state === "open" ? t("open_term") : t("unassigned");
  rows("dueRows", 6, found.due.map((one) => row([one.title, month(one.month), one.events, one.category, term(one), one.held ?? ""])));
  filled("holds", found.holds.map((one) => entry(one.reason || "–", [one.person, one.date].filter(Boolean).join(", "), t("release"), async () => {
    await ask("release", { hold: one.hold, reason: $("releaseReason").value });
    await terms();
    say(t("released"));
  })));
}

const work = { chats: async () => {}, search: async () => {}, approve: inbox, cases, due: terms };
document.querySelectorAll("nav button").forEach((one) => one.addEventListener("click", () => { view(one.dataset.view); work[one.dataset.view]().catch(() => {}); }));
$("bar").addEventListener("submit", (event) => event.preventDefault());
label();
view("chats");
open().catch(() => {});

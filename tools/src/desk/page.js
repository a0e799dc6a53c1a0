// The desk's page: it asks, shows what comes back as text, and never as markup.
"use strict";
const $ = (id) => document.getElementById(id);
const texts = {
  nl: { chats: "Gesprekken", search: "Zoeken", approve: "Goedkeuren", cases: "Zaken", due: "Termijnen", purpose: "Doel van de inzage",
    open: "Openen", words: "Woorden", find: "Zoek", approver: "Wie keurt goed", agree: "Goedkeuren", case: "Zaak", of: "Gesprek",
    recipient: "Ontvanger", date: "Datum", month: "Maand", events: "Aantal", category: "Categorie", term: "Termijn", held: "Bevroren",
    how: "Kies woorden met de muis, of met de pijltjes en de spatiebalk.", decide: "Beslissen", cover: "Lakken", ground: "Grond",
    decision: "Besluit", hide: "Verberg ook de lengte", propose: "Voorstellen", classify: "Classificeren", class: "Klasse", test: "Toets",
    content: "inhoud", contact: "contact", give: "Geef klasse", chosen: (n) => `${n} woorden gekozen`, none: "Er is niets.",
    proposed: "Voorgesteld: een ander keurt het goed.", approved: "Goedgekeurd.", classified: (n) => `${n} berichten geclassificeerd.`,
    parts: (n) => `${n} delen te lakken`, ends: (n) => `${n} berichten te vernietigen`, unassigned: "geen categorie", kept: "blijvend bewaren",
    due_after: (m) => `tot en met ${m}`, past: "verstreken", open_term: "nog niet begonnen", gone: "(niet meer aanwezig)", busy: "Bezig…",
    found: (n) => `${n} berichten`, page: "Zegel – werkplek" },
  en: { chats: "Conversations", search: "Search", approve: "Approve", cases: "Cases", due: "Terms", purpose: "Purpose of reading",
    open: "Open", words: "Words", find: "Find", approver: "Who approves", agree: "Approve", case: "Case", of: "Conversation",
    recipient: "Recipient", date: "Date", month: "Month", events: "Number", category: "Category", term: "Term", held: "Held",
    how: "Choose words with the mouse, or with the arrows and the space bar.", decide: "Decide", cover: "Redact", ground: "Ground",
    decision: "Decision", hide: "Hide the length too", propose: "Propose", classify: "Classify", class: "Class", test: "Test",
    content: "content", contact: "contact", give: "Give class", chosen: (n) => `${n} words chosen`, none: "There is nothing.",
    proposed: "Proposed: somebody else approves it.", approved: "Approved.", classified: (n) => `${n} messages classified.`,
    parts: (n) => `${n} parts to be covered`, ends: (n) => `${n} messages to be destroyed`, unassigned: "no category", kept: "kept for ever",
    due_after: (m) => `through ${m}`, past: "passed", open_term: "not begun", gone: "(no longer there)", busy: "Working…",
    found: (n) => `${n} messages`, page: "Zegel – desk" },
};
const kinds = {
  nl: { MESSAGE_EDITED: "gewijzigd", MESSAGE_DELETED: "verwijderd", REACTION_ADDED: "reactie", REACTION_REMOVED: "reactie weg", MEMBERSHIP_CHANGED: "deelnemers", CONVERSATION_CHANGED: "gesprek gewijzigd",
    SETTING_OBSERVED: "instelling", CALL_LOGGED: "oproep", SYSTEM_NOTED: "mededeling van de app", IDENTITY_CHANGED: "nummer of code gewijzigd", VIEW_ONCE_RECEIVED: "eenmalig te zien", MESSAGE_WAITING: "nog niet te lezen",
    SCREENSHOT_ADDED: "schermafbeelding", POLL_NOTED: "peiling", RECORD_VANISHED: "verdwenen tussen twee uitlezingen", CONTACT_DECIDED: "toelating", RECEIPT_OBSERVED: "gelezen" },
  en: {},
};
let language = "nl", messages = [], chosen = new Map(), lists = null;
const t = (key) => texts[language][key];
const make = (name, text, className) => { const one = document.createElement(name); if (text !== undefined) one.textContent = text; if (className) one.className = className; return one; };
const say = (text) => { $("status").textContent = text; $("alert").textContent = ""; };

async function ask(name, asked = {}) {
  say(t("busy"));
  const answer = await fetch("/api/" + name, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked) });
  const text = await answer.text();
  if (!answer.ok) { $("status").textContent = ""; $("alert").textContent = text; throw new Error(name); }
  say("");
  return JSON.parse(text);
}
const on = (id, work) => $(id).addEventListener("click", () => work().catch(() => {}));
const month = (m) => m ? `${String(m).slice(0, 4)}-${String(m).slice(4)}` : "";

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
}

async function open() {
  lists = await ask("lists");
  $("ministry").textContent = lists.ministry;
  $("person").textContent = lists.person;
  const option = (item) => { const one = make("option", `${item.code} – ${item.label}`); one.value = item.code; return one; };
  $("ground").replaceChildren(...lists.grounds.map(option));
  $("ground").value = "5.1.2e";
  $("class").replaceChildren(...lists.classes.map(option));
  $("conversations").replaceChildren(...lists.conversations.map((found) => {
    const item = make("li"), button = make("button", t("open"), "do");
    button.type = "button";
    button.setAttribute("aria-label", `${t("open")}: ${found.title}`);
    button.addEventListener("click", () => read(found.title).catch(() => {}));
    item.append(make("span", `${found.title} – ${found.events} (${month(found.first)} – ${month(found.last)})`), button);
    return item;
  }));
}

async function read(title) {
  const found = await ask("read", { conversation: title, purpose: $("purpose").value });
  show(title, found.messages);
  view("chats");
  $("chatTitle").scrollIntoView();
}

function show(title, found) {
  messages = found; chosen = new Map();
  $("chatTitle").textContent = title;
  $("messages").replaceChildren(...found.map(line));
  say(t("found")(found.length));
  count();
}

function line(message, number) {
  const item = make("li", undefined, message.said ? "" : "note"), head = make("div"), body = make("p");
  const pick = make("input");
  pick.type = "checkbox"; pick.dataset.number = number; pick.className = "pick";
  pick.setAttribute("aria-label", `${message.sender} ${message.time}`);
  head.append(pick, " ", make("span", message.sender, "who"), " ", make("span", message.time && `${message.time} UTC`, "when"), " ", make("span", message.class ? `[${message.class}]` : "", "tag"));
  if (message.kind !== "MESSAGE_CREATED") head.append(" ", make("span", kinds[language][message.kind] ?? message.kind.toLowerCase().replaceAll("_", " "), "tag"));
  if (message.gone) body.textContent = t("gone");
  message.words.forEach((word, at) => {
    const one = make("button", word, "w");
    one.type = "button"; one.tabIndex = at ? -1 : 0;
    one.setAttribute("aria-pressed", "false");
    // White space alone has no name to be read out.
    if (!word.trim()) one.setAttribute("aria-label", "␣");
    one.addEventListener("click", () => choose(one, number, at));
    one.addEventListener("keydown", (event) => {
      const next = event.key === "ArrowRight" ? one.nextElementSibling : event.key === "ArrowLeft" ? one.previousElementSibling : null;
      if (next) { event.preventDefault(); next.focus(); }
    });
    body.append(one);
  });
  item.append(head);
  if (message.target) item.append(make("div", message.target, "tag target"));
  item.append(body);
  for (const name of message.attachments) item.append(make("div", `📎 ${name}`, "tag"));
  return item;
}

function choose(button, number, at) {
  const words = chosen.get(number) ?? new Set();
  if (words.delete(at)) button.setAttribute("aria-pressed", "false");
  else { words.add(at); button.setAttribute("aria-pressed", "true"); }
  chosen.set(number, words);
  count();
}

function count() {
  let words = 0;
  chosen.forEach((set) => { words += set.size; });
  $("chosen").textContent = t("chosen")(words);
}

on("propose", async () => {
  const parts = [];
  chosen.forEach((words, number) => words.forEach((at) => parts.push({ place: messages[number].place, first: at, count: 1,
    grounds: [$("ground").value], hide_length: $("hide").checked, at_ms: messages[number].at_ms })));
  const done = await ask("propose", { decision: $("decision").value, parts });
  document.body.dataset.manifest = done.manifest;
  say(t("proposed"));
});
on("classify", async () => {
  const places = [...document.querySelectorAll(".pick:checked")].map((one) => messages[one.dataset.number].place);
  const done = await ask("classify", { places, class: $("class").value, test: $("test").value });
  document.querySelectorAll(".pick:checked").forEach((one) => { one.parentElement.querySelector(".tag").textContent = `[${$("class").value}]`; one.checked = false; });
  say(t("classified")(done.classified));
});
on("find", async () => {
  const found = await ask("search", { words: $("words").value, purpose: $("searchPurpose").value });
  show(`${t("search")}: ${$("words").value}`, found.messages);
  view("search");
});
on("language", async () => { language = language === "nl" ? "en" : "nl"; label(); await open(); });

async function inbox() {
  const { waiting } = await ask("waiting");
  $("waiting").replaceChildren(...waiting.map((act) => {
    const item = make("li"), button = make("button", t("agree"), "do");
    const what = act.kind === "REDACTION_MANIFEST" ? t("parts")(act.count) : t("ends")(act.count);
    const grounds = [...new Set(act.parts.flatMap((part) => part.grounds))].join(", ");
    button.type = "button";
    button.setAttribute("aria-label", `${t("agree")}: ${act.decision}`);
    button.addEventListener("click", async () => {
      try { await ask("approve", { id: act.id, person: $("approver").value }); } catch { return; }
      await inbox();
      say(t("approved"));
    });
    item.append(make("span", `${act.decision || act.code} – ${what} (${grounds}) – ${act.date}`), button);
    return item;
  }));
  if (!waiting.length) $("waiting").append(make("li", t("none")));
}
async function cases() {
  const found = (await ask("cases")).cases;
  $("caseRows").replaceChildren(...found.map((one) => row([one.case, one.of ?? "", one.recipient, one.date])));
}
async function terms() {
  const found = (await ask("due")).due;
  const term = (one) => one.term.state === "due" ? `${t("due_after")(month(one.term.month))}${one.is_past ? `, ${t("past")}` : ""}` : one.term.state === "kept" ? t("kept") : one.term.state === "open" ? t("open_term") : t("unassigned");
  $("dueRows").replaceChildren(...found.map((one) => row([one.title, month(one.month), one.events, one.category, term(one), one.held ?? ""])));
}
const row = (cells) => { const one = make("tr"); one.append(...cells.map((cell) => make("td", String(cell)))); return one; };

const work = { chats: async () => {}, search: async () => {}, approve: inbox, cases, due: terms };
document.querySelectorAll("nav button").forEach((one) => one.addEventListener("click", () => { view(one.dataset.view); work[one.dataset.view]().catch(() => {}); }));
$("bar").addEventListener("submit", (event) => event.preventDefault());
label();
view("chats");
open().catch(() => {});

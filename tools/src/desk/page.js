// The desk's page: it asks, shows what comes back as text, and never as markup.
"use strict";
const $ = (id) => document.getElementById(id);
// Messages on one page: every word of them can be chosen.
const PAGE = 200;
let language = "nl", messages = [], chosen = new Map(), picked = new Set(), lists = null, opened = null, first = 0;
const t = (key) => texts[language][key];
const make = (name, text, className) => { const one = document.createElement(name); if (text !== undefined) one.textContent = text; if (className) one.className = className; return one; };
const say = (text) => { $("status").textContent = text; $("alert").textContent = ""; $("technical").hidden = true; $("technical").open = false; };

async function ask(name, asked = {}) {
  say(t("busy"));
  const answer = await fetch("/api/" + name, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked) });
  const text = await answer.text();
  if (!answer.ok) {
    let said = text, detail = "";
    try { const refusal = JSON.parse(text); said = refusal[language]; detail = refusal.detail ?? ""; } catch { }
    $("status").textContent = "";
    $("alert").textContent = said;
    $("detail").textContent = detail;
    $("technical").hidden = !detail;
    throw new Error(name);
  }
  say("");
  return JSON.parse(text);
}
// A second click on a button whose work is not done yet does nothing.
const press = (button, work) => button.addEventListener("click", async () => {
  if (button.dataset.busy) return;
  button.dataset.busy = "yes";
  try { await work(); } catch { } finally { delete button.dataset.busy; }
});
const on = (id, work) => press($(id), work);
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
  // A hold and an end are of one conversation; a search finds in many.
  for (const id of ["tabHold", "tabEnd"]) $(id).hidden = !opened;
  if ($("tabHold").getAttribute("aria-selected") === "true" || $("tabEnd").getAttribute("aria-selected") === "true") if (!opened) tab($("tabCover"));
}

// An entry of a list: what it is, and the buttons that do something with it.
function entry(text, detail, ...buttons) {
  const item = make("li"), said = make("span");
  said.append(make("strong", text), make("small", detail));
  item.append(said, ...buttons.map(([word, work, make = act]) => make(word, text, work)));
  return item;
}
function act(word, text, work) {
  const button = make("button", word, "do");
  button.type = "button";
  button.setAttribute("aria-label", `${word}: ${text}`);
  press(button, work);
  return button;
}
// What cannot be undone is asked twice: the button says so, and goes back when it is left.
function actTwice(word, text, work) {
  const button = act(word, text, async () => {
    if (button.dataset.sure) { calm(); await work(); return; }
    button.dataset.sure = "yes";
    button.textContent = t("sure")(word);
    button.setAttribute("aria-label", `${t("sure")(word)}: ${text}`);
    say(t("forGood"));
  });
  const calm = () => { delete button.dataset.sure; button.textContent = word; button.setAttribute("aria-label", `${word}: ${text}`); };
  button.addEventListener("blur", calm);
  return button;
}
const options = (id, found) => $(id).replaceChildren(...found.map(([value, text]) => { const one = make("option", text); one.value = value; return one; }));
const arrive = (id) => { $(id).scrollIntoView({ block: "nearest" }); $(id).focus({ preventScroll: true }); };
const filled = (id, items) => $(id).replaceChildren(...(items.length ? items : [make("li", t("none"))]));

async function open() {
  lists = await ask("lists");
  $("ministry").textContent = lists.ministry;
  $("person").textContent = lists.person;
  const coded = (items) => items.map((item) => [item.code, `${item.code} – ${item.label}`]);
  options("ground", coded(lists.grounds));
  $("ground").value = "5.1.2e";
  options("class", coded(lists.classes));
  options("category", coded(lists.selection_list.categories));
  options("official", lists.custodians.map((name) => [name, name]));
  options("end", Object.entries(t("endNames")));
  options("regime", Object.entries(t("regimes")));
  options("noteAbout", Object.entries(t("noteNames")));
  options("form", Object.entries(t("forms")));
  aboutWhom();
  filled("conversations", lists.conversations.map((found) => entry(found.title, `${t("found")(found.events)}, ${span(found.first, found.last)}`, [t("open"), () => read(found.title)])));
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
  document.querySelector("#chat .pager").hidden = messages.length <= PAGE;
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
  chosen = new Map();
  lay();
  say([t("proposed"), ...(done.again ? [done.again[language]] : []), ...done.warnings.map((one) => `⚠ ${one[language]}`)].join(" "));
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
  const found = await ask("search", { words: $("words").value, sender: $("searchSender").value, from: $("searchFrom").value, to: $("searchTo").value, purpose: $("searchPurpose").value });
  opened = null;
  show(`${t("search")}: ${[$("words").value, $("searchSender").value].filter(Boolean).join(", ")}`, found.messages);
  view("search");
});
on("language", async () => { language = language === "nl" ? "en" : "nl"; label(); lay(); await open(); await work[document.querySelector("nav [aria-current]").dataset.view](); });
on("accept", async () => {
  await ask("accept", { conversation: opened ?? "", places: [...picked].map((number) => messages[number].place) });
  picked = new Set();
  lay();
  say(t("accepted"));
});
on("retain", async () => {
  const places = [...picked].map((number) => messages[number].place);
  await ask("retain", { conversation: opened ?? "", places, category: $("category").value });
  picked = new Set();
  lay();
  say(t("retained"));
});
on("endPropose", async () => {
  const places = [...picked].map((number) => messages[number].place);
  const done = await ask("end", { conversation: opened ?? "", places, end: $("end").value, decision: $("endDecision").value, reason: $("endReason").value });
  picked = new Set();
  lay();
  say(t("ended")(done.events));
});

// Tabs: one is in the way of the tab key, arrows go between them.
const tabs = () => [...document.querySelectorAll("[role=tab]:not([hidden])")];
function tab(wanted) {
  for (const one of document.querySelectorAll("[role=tab]")) {
    const is = one === wanted;
    one.setAttribute("aria-selected", String(is));
    one.tabIndex = is ? 0 : -1;
    $(one.getAttribute("aria-controls")).hidden = !is;
  }
}
for (const one of document.querySelectorAll("[role=tab]")) {
  one.addEventListener("click", () => tab(one));
  one.addEventListener("keydown", (event) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    const all = tabs(), next = all[(all.indexOf(one) + by + all.length) % all.length];
    tab(next);
    next.focus();
  });
}

const row = (cells) => { const one = make("tr"); one.append(...cells.map((cell) => { if (cell instanceof Element) { const td = make("td"); td.append(cell); return td; } return make("td", String(cell)); })); return one; };
const rows = (id, width, found) => {
  const none = make("tr"), cell = make("td", t("none"));
  cell.colSpan = width;
  none.append(cell);
  $(id).replaceChildren(...(found.length ? found : [none]));
};
$("bar").addEventListener("submit", (event) => event.preventDefault());

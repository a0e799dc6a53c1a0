// The second pair of eyes: what waits, the words that it is about, and the approval.
"use strict";
let looked = null, lookedFirst = 0;

async function inbox() {
  const { waiting } = await ask("waiting", { person: $("approver").value });
  closeLook();
  filled("waiting", waiting.map((act) => {
    const one = entry(titleOf(act), whatOf(act), [t("look"), () => look(act)]);
    one.dataset.id = act.id;
    return one;
  }));
}

const titleOf = (act) => act.kind === "EXPORT_CREATED" ? t("exportOf")(act.of ?? "", act.recipient) : act.decision || act.code;
function whatOf(act) {
  if (act.kind === "EXPORT_CREATED") return [act.case, act.date].join(", ");
  const what = act.kind === "REDACTION_MANIFEST" ? t("parts")(act.count) + (act.grounds.length ? ` (${act.grounds.join(", ")})` : "") : `${t("found")(act.count)}: ${t("endNames")[act.end] ?? act.end}`;
  return [what, act.person, act.date].filter(Boolean).join(", ");
}

async function look(act) {
  const isExport = act.kind === "EXPORT_CREATED";
  const found = await ask(isExport ? "look_export" : "look", { id: act.id, case: act.case ?? "", person: $("approver").value });
  looked = { ...act, messages: found.messages };
  lookedFirst = 0;
  $("lookedTitle").textContent = titleOf(act);
  const what = isExport ? [t("willLeave"), found.more ? t("moreLines")(found.more) : ""] : act.kind === "REDACTION_MANIFEST" ? [t("lookedCovers")(act.count, act.grounds.join(", "))] : [t("lookedEnds")(act.count, t("endNames")[act.end] ?? act.end)];
  $("lookedWhat").textContent = [...what, act.person ? t("proposedBy")(act.person) : "", act.reason ?? ""].filter(Boolean).join(" ");
  document.querySelectorAll("#waiting li").forEach((one) => one.dataset.id === act.id ? one.setAttribute("aria-current", "true") : one.removeAttribute("aria-current"));
  $("looked").hidden = false;
  layLooked();
  say(t("found")(looked.messages.length));
  arrive("lookedTitle");
}

function layLooked() {
  const items = [];
  let day = null;
  for (const message of looked.messages.slice(lookedFirst, lookedFirst + PAGE)) {
    const on = [message.conversation, message.day || t("unknownDay")].filter(Boolean).join(", ");
    if (on !== day) { day = on; items.push(make("li", on, "day")); }
    items.push(lookedLine(message));
  }
  $("lookedMessages").replaceChildren(...items);
  $("lookedEarlier").disabled = lookedFirst === 0;
  $("lookedLater").disabled = lookedFirst + PAGE >= looked.messages.length;
  $("lookedPage").textContent = t("pages")(lookedFirst / PAGE + 1, Math.max(1, Math.ceil(looked.messages.length / PAGE)));
  document.querySelector("#looked .pager").hidden = looked.messages.length <= PAGE;
}

// A message as it is, with what will be covered in place.
function lookedLine(message) {
  const ends = looked.end && looked.kind === "DESTRUCTION_PROPOSED";
  const item = make("li", undefined, `message${message.said ? "" : " note"}${ends ? " ends" : ""}`), head = make("div", undefined, "head"), body = make("p");
  head.append(make("span", message.sender, "who"));
  if (message.class) head.append(" ", make("span", `[${message.class}]`, "tag"));
  if (message.kind !== "MESSAGE_CREATED") head.append(" ", make("span", message.label[language], "tag"));
  if (ends) head.append(" ", make("span", t("endTag")[looked.end] ?? looked.end, "tag why-ends"));
  else if (message.whole) head.append(" ", make("span", `${t("wholeCover")}: ${message.whole.join(", ")}`, "tag why-ends"));
  head.append(make("span", message.time, "when"));
  if (message.gone) body.textContent = t("gone");
  if (message.what) body.append(make("span", message.what));
  for (const run of message.runs) body.append(...(ends || !run.grounds ? [run.text] : [covered(run)]));
  item.append(head);
  if (message.target) item.append(make("div", message.target, "tag target"));
  item.append(body);
  for (const part of message.parts ?? []) { const one = make("div", `${part.part}: `, "tag"); one.append(covered(part)); item.append(one); }
  for (const name of message.attachments) item.append(make("div", `📎 ${name}`, "tag"));
  return item;
}

// Yellow: these words will be covered. Black: they are.
function covered(run) {
  const one = make(run.text ? "mark" : "span");
  one.append(make("span", t(run.text ? "toCover" : "isCovered"), "sr"), run.text, make("span", run.grounds.join(", "), "ground"));
  return one;
}

function closeLook() {
  looked = null;
  $("looked").hidden = true;
  document.querySelectorAll("#waiting li").forEach((one) => one.removeAttribute("aria-current"));
}
const turnLooked = (by) => async () => { lookedFirst += by; layLooked(); arrive("lookedTitle"); };
on("lookedEarlier", turnLooked(-PAGE));
on("lookedLater", turnLooked(PAGE));
on("disagree", async () => { closeLook(); say(""); $("approver").focus(); });
on("agree", async () => {
  const isExport = looked.kind === "EXPORT_CREATED";
  await ask(isExport ? "approve_export" : "approve", { id: looked.id, case: looked.case ?? "", person: $("approver").value });
  await inbox();
  say(t("approved"));
  $("approver").focus();
});

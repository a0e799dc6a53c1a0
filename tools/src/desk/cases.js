// Cases: opened, noted in, packed for a recipient, disclosed, closed.
"use strict";
let openedCase = null;

async function cases() {
  const found = await ask("cases");
  filled("caseList", found.cases.map((one) => {
    const item = entry(one.case, [t("regimes")[one.regime] ?? one.regime, one.requester, one.matter, t("states")[one.state]].join(" · "), [t("open"), () => showCase(one.case)]);
    if (one.case === openedCase) item.setAttribute("aria-current", "true");
    item.dataset.case = one.case;
    return item;
  }));
  rows("exportRows", 5, found.exports.map((one) => row([one.case, one.of ?? "", one.recipient, one.date, one.covered ? t("yes") : t("no")])));
}

// Whom a case can be about.
function aboutWhom() {
  const choice = (field) => (name) => {
    const label = make("label"), box = make("input");
    box.type = "checkbox"; box.value = name; box.dataset.field = field;
    label.append(box, make("span", name));
    return label;
  };
  const titles = lists.conversations.map((one) => one.title);
  $("caseAbout").replaceChildren(...lists.custodians.map(choice("custodians")), ...titles.map(choice("conversations")));
  options("packOf", [...lists.custodians.map((name) => [`custodian:${name}`, name]), ...titles.map((title) => [`conversation:${title}`, title])]);
}
const monthOf = (id) => Number($(id).value.replace("-", "")) || 0;
on("openCase", async () => {
  const picks = (field) => [...document.querySelectorAll("#caseAbout input:checked")].filter((one) => one.dataset.field === field).map((one) => one.value);
  const name = $("caseName").value;
  await ask("case_open", { name, regime: $("regime").value, requester: $("requester").value, matter: $("matter").value,
    custodians: picks("custodians"), conversations: picks("conversations"), from: monthOf("fromMonth"), to: monthOf("toMonth") });
  for (const id of ["caseName", "requester", "matter", "fromMonth", "toMonth"]) $(id).value = "";
  document.querySelectorAll("#caseAbout input").forEach((one) => { one.checked = false; });
  $("newCase").open = false;
  await showCase(name);
  say(t("caseOpened"));
});

async function showCase(name) {
  const one = await ask("case", { case: name });
  // What was chosen stays chosen when the same case is shown anew.
  const chosenCover = openedCase === name ? $("packCover").value : "";
  openedCase = name;
  $("case").hidden = false;
  $("caseTitle").textContent = one.case;
  const period = (about) => about.from ? ` (${span(about.from, about.to)})` : "";
  $("caseFacts").textContent = t("caseFacts")({ ...one, regimeName: t("regimes")[one.regime] ?? one.regime, aboutNames: one.about.map((about) => about.name + period(about)).join(", ") || "–" });
  steps(one);
  $("notes").replaceChildren(...one.notes.map((note) => make("li", [t("noteNames")[note.about] ?? note.about, note.decision, note.text, note.until ? t("due_after")(note.until) : ""].filter(Boolean).join(" · "))));
  options("packCover", [["", t("uncovered")], ...one.manifests.map((manifest) => [manifest.id, `${manifest.decision} (${t("parts")(manifest.count)}${manifest.approved ? "" : `, ${t("notYet")}`})`])]);
  // What was approved is more likely meant than a package in which all is open.
  const cover = one.manifests.find((manifest) => manifest.id === chosenCover) ?? one.manifests.find((manifest) => manifest.approved);
  $("packCover").value = cover?.id ?? "";
  packages(one);
  const isOpen = one.state !== "closed";
  for (const id of ["caseWork", "closeOf", "formOf"]) $(id).hidden = !isOpen;
  noteFields();
  document.querySelectorAll("#caseList li").forEach((item) => item.dataset.case === name ? item.setAttribute("aria-current", "true") : item.removeAttribute("aria-current"));
  await cases();
  arrive("caseTitle");
}

// What was done, and what comes next.
function steps(one) {
  const noted = (about) => one.notes.some((note) => note.about === about);
  const has = (...states) => one.exports.some((sent) => states.includes(sent.state));
  const done = { search: noted("zoekslag"), decision: noted("besluit"), ...(noted("wachttijd") ? { waits: one.state !== "waits" } : {}), pack: one.exports.length > 0, approval: has("approved", "sent"), sent: has("sent") };
  const next = Object.keys(done).find((step) => !done[step]);
  $("steps").replaceChildren(...Object.entries(done).map(([step, is]) => make("li", `${is ? "✓ " : ""}${t("steps")[step]}: ${is ? t("done") : t("todo")}`, is ? "is-done" : step === next && one.state !== "closed" ? "is-next" : "")));
}

function packages(one) {
  filled("packages", one.exports.map((sent) => {
    const send = [t("send"), async () => {
      const done = await ask("case_send", { case: one.case, export: sent.id, recipient: sent.recipient, form: $("form").value });
      await showCase(one.case);
      say(t("sent")(done));
    }];
    const mayTry = one.state !== "closed" && (sent.state === "waits" || sent.state === "approved");
    return entry(`${sent.recipient}: ${sent.of ?? ""}`, [t("packageStates")[sent.state], sent.covered ? t("covered").toLowerCase() : "", sent.date, sent.path ?? ""].filter(Boolean).join(" · "), ...(mayTry ? [send] : []));
  }));
}

function noteFields() {
  $("noteDecisionOf").hidden = $("noteAbout").value !== "besluit";
  $("noteUntilOf").hidden = $("noteAbout").value !== "wachttijd";
  $("noteAppealOf").hidden = $("noteAbout").value !== "besluit";
}
$("noteAbout").addEventListener("change", noteFields);
on("noteIt", async () => {
  const about = $("noteAbout").value;
  await ask("case_note", { case: openedCase, about, text: $("noteText").value, decision: about === "besluit" ? $("noteDecision").value : "", until: about === "wachttijd" ? $("noteUntil").value : about === "besluit" ? $("noteAppeal").value : "" });
  for (const id of ["noteText", "noteDecision", "noteUntil", "noteAppeal"]) $(id).value = "";
  await showCase(openedCase);
  say(t("noted"));
});
on("packIt", async () => {
  const of = $("packOf").value, at = of.indexOf(":");
  const done = await ask("case_pack", { case: openedCase, [of.slice(0, at)]: of.slice(at + 1), manifest: $("packCover").value, recipient: $("packRecipient").value });
  $("packRecipient").value = "";
  await showCase(openedCase);
  say(t("packed")(done));
});
on("closeCase", async () => {
  await ask("case_close", { case: openedCase, reason: $("closeReason").value });
  $("closeReason").value = "";
  await showCase(openedCase);
  say(t("caseClosed"));
});

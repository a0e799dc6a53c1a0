// What falls due, what is held, and what was approved and is to be carried out.
"use strict";

async function terms() {
  const found = await ask("due");
  const term = (one) => one.term.state === "due" ? `${t("due_after")(month(one.term.month))}${one.is_past ? `, ${t("past")}` : ""}` : one.term.state === "kept" ? t("kept") : one.term.state === "open" ? t("open_term") : t("unassigned");
  rows("dueRows", 7, found.due.map((one) => row([one.title, month(one.month), one.events, one.category, term(one), one.held ?? "", destruction(one)])));
  filled("holds", found.holds.map((one) => entry(one.reason || "–", [one.is_case ? t("case") : "", one.person, one.date].filter(Boolean).join(", "), [t("release"), async () => {
    await ask("release", { hold: one.hold, reason: $("releaseReason").value });
    await terms();
    say(t("released"));
  }])));
}

function destruction(one) {
  if (one.ends) return t("endStates")[one.ends];
  if (!one.is_past) return "";
  return act(t("proposeEnd"), `${one.title}, ${month(one.month)}`, async () => {
    const done = await ask("end", { conversation: one.title, month: one.month, end: "vernietigd", decision: $("dueDecision").value });
    await terms();
    say(t("ended")(done.events));
  });
}

async function orders() {
  const found = await ask("orders");
  filled("endings", found.ends.map((one) => entry(one.decision || one.code, `${t("found")(one.count)}: ${t("endNames")[one.end] ?? one.end}, ${one.person}, ${one.date}`, [t("carryOut"), async () => {
    const done = await ask("carry_out", { id: one.id });
    await orders();
    say(t("carriedOut")(done));
  }, actTwice])));
  $("foreverWhy").textContent = found.permanent ? t("foreverOn") : t("foreverOff");
  filled("forever", found.forever.map((one) => entry(one.decision, t("parts")(one.count), [t("coverForever"), async () => {
    const done = await ask("cover_forever", { id: one.id });
    await orders();
    say(t("coveredForever")(done.parts));
  }, actTwice])));
}

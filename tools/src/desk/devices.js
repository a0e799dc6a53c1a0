// Phones: whose conversations are admitted, and what may be removed from a device.
"use strict";

const ORDER = ["waits", "captured", "admitted", "refused", "unseen"];
async function contacts() {
  const custodian = $("official").value;
  const found = await ask("contacts", { custodian });
  $("clearance").hidden = true;
  $("contacts").hidden = false;
  $("admissionPolicy").textContent = t(found.policy === "admission_first" ? "admissionFirst" : "directCapture");
  const decide = (one, decision, word) => [word, async () => {
    await ask("contact", { custodian, conversation: one.conversation, decision });
    await contacts();
    say(t(decision));
  }];
  const sorted = [...found.contacts].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  filled("contactList", sorted.map((one) => entry(one.conversation, t("contactStates")[one.state], ...(one.state === "admitted" ? [] : [decide(one, "admitted", t("admit"))]), ...(one.state === "refused" ? [] : [decide(one, "refused", t("refuse"))]))));
  arrive("contactsTitle");
}

// Reasons for people: what a code means, and what an officer wrote himself.
const stay = (reason) => t("stayWords")[reason] ?? (reason.startsWith("held: ") ? `${t("stayWords").held}: ${reason.slice(6)}` : reason);
function showClearance(found) {
  $("contacts").hidden = true;
  $("clearance").hidden = false;
  $("clearanceWhat").textContent = t("clearanceWhat")(found.until);
  filled("clearanceList", found.chats.map((chat) => make("li", `${chat.title}: ${chat.stays.length ? t("stays") + chat.stays.map(stay).join("; ") : t("mayGo")(chat.events)}`, chat.stays.length ? "stays" : "free")));
  arrive("clearanceTitle");
}
on("askContacts", contacts);
on("askClearance", async () => {
  $("clearance").hidden = true;
  const found = await ask("clearance", { custodian: $("official").value });
  $("clearIt").hidden = false;
  showClearance(found);
});
on("clearIt", async () => {
  const found = await ask("clear", { custodian: $("official").value });
  showClearance(found);
  $("clearIt").hidden = true;
  say(t("cleared")(found.path));
});
$("official").addEventListener("change", () => { $("contacts").hidden = true; $("clearance").hidden = true; });

// What each view asks when it is opened, and the beginning.
"use strict";
const work = { chats: async () => {}, search: async () => {}, approve: inbox, cases: async () => openedCase ? showCase(openedCase) : cases(), due: terms, orders, devices: async () => {} };
document.querySelectorAll("nav button").forEach((one) => press(one, async () => { say(""); view(one.dataset.view); await work[one.dataset.view](); }));
label();
view("chats");
open().catch(() => {});

"use strict";
// Search, filter, fold, and one timeline across conversations. The page says everything without this.
//
// Each month lies in a <noscript>: without script the browser shows it, with script it is one text that costs nothing until
// it is looked at. So a hundred thousand lines open at once. One line of that text is one line of the timeline, or the
// beginning or end of a day.
(() => {
  const byConversation = [...document.querySelectorAll("details.month")].map((fold) => {
    const body = fold.querySelector(".days");
    return { fold, body, lines: body.textContent.split("\n"), words: null, shown: null };
  });
  let months = byConversation, byTime = null;
  const tools = document.querySelector(".tools");
  if (!tools) return;
  tools.hidden = false;
  const wanted = tools.querySelector("input[type=search]");
  const covered = tools.querySelector("#only-covered");
  const changed = tools.querySelector("#only-changed");
  const order = tools.querySelector("#order");
  const found = tools.querySelector("output");

  // What a line says, without its tags; the few entities that the page writes are undone.
  const said = (line) => line.replace(/<[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"')
    .replace(/&#10;/g, "\n").replace(/&amp;/g, "&").toLowerCase();
  const kept = (month, at, word) => {
    const line = month.lines[at];
    const marks = /^<li class="([^"]*)"/.exec(line)?.[1] ?? "";
    if (covered.checked && !marks.includes("c")) return false;
    if (changed.checked && !marks.includes("x")) return false;
    month.words ??= [];
    return !word || (month.words[at] ??= said(line)).includes(word);
  };
  const isLine = (line) => line.startsWith("<li");
  // The days of a month that hold a line that is wanted, and how many there are.
  const choose = (month, word) => {
    const chosen = [];
    let count = 0, begin = null;
    month.lines.forEach((line, at) => {
      if (line.startsWith("<section")) begin = line;
      else if (!isLine(line)) { if (begin === null) chosen.push(line); begin = null; }
      else if (kept(month, at, word)) {
        if (begin !== null) { chosen.push(begin); begin = null; }
        chosen.push(line);
        count += 1;
      }
    });
    return { html: chosen.join("\n"), count };
  };
  const word = () => wanted.value.trim().toLowerCase();
  const isAll = () => !word() && !covered.checked && !changed.checked;
  const show = (month) => {
    const key = isAll() ? "" : JSON.stringify([word(), covered.checked, changed.checked]);
    if (month.shown === key) return;
    month.shown = key;
    month.body.innerHTML = isAll() ? month.lines.join("\n") : choose(month, word()).html;
  };
  const filter = () => {
    let count = 0;
    for (const month of months) {
      const has = isAll() || choose(month, word()).count;
      month.fold.hidden = !has;
      if (!isAll()) { count += has; if (count <= 2000) month.fold.open = has > 0; }
      if (month.fold.open) show(month);
    }
    found.textContent = isAll() ? "" : String(count);
  };
  const listen = (month) => month.fold.addEventListener("toggle", () => { if (month.fold.open) show(month); });

  // One timeline of all conversations: each line says in which it stands.
  const merge = () => {
    const all = new Map();
    for (const month of byConversation) {
      let title = month.fold.previousElementSibling;
      while (title && !title.matches("h3.conversation")) title = title.previousElementSibling;
      const chip = `</time> <span class="chip conv">${title ? title.innerHTML : ""}</span>`;
      const key = month.fold.dataset.month;
      if (!all.has(key)) all.set(key, { name: month.fold.querySelector("summary").textContent, lines: [] });
      let day = "";
      for (const line of month.lines) {
        if (line.startsWith("<section")) day = line;
        else if (isLine(line)) all.get(key).lines.push({ day, at: /datetime="([^"]*)"/.exec(line)?.[1] ?? "", html: line.replace("</time>", chip) });
      }
    }
    return [...all].sort(([one], [other]) => one < other ? -1 : 1).map(([key, { name, lines }]) => {
      lines.sort((one, other) => one.at < other.at ? -1 : one.at > other.at ? 1 : 0);
      const out = [];
      let last = null;
      for (const line of lines) {
        if (line.day !== last) { if (last !== null) out.push("</ol></section>"); out.push(line.day); last = line.day; }
        out.push(line.html);
      }
      if (last !== null) out.push("</ol></section>");
      const fold = document.createElement("details"), summary = document.createElement("summary"), body = document.createElement("div");
      fold.className = "month merged"; fold.dataset.month = key; summary.textContent = name; body.className = "days";
      fold.append(summary, body);
      tools.parentElement.append(fold);
      return { fold, body, lines: out, words: null, shown: null };
    });
  };
  const reorder = () => {
    for (const month of months) { month.fold.hidden = true; month.body.textContent = ""; month.shown = null; }
    const isMerged = order.value === "time";
    if (isMerged && !byTime) { byTime = merge(); byTime.forEach(listen); }
    months = isMerged ? byTime : byConversation;
    for (const title of document.querySelectorAll("h3.conversation")) title.hidden = isMerged;
    for (const month of months) month.fold.hidden = false;
    if (isMerged && months.length && !months.some((month) => month.fold.open)) months[0].fold.open = true;
    filter();
  };

  for (const month of byConversation) {
    if (month.fold.open) show(month);
    listen(month);
  }
  let waiting = 0;
  wanted.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 150); });
  covered.addEventListener("change", filter);
  changed.addEventListener("change", filter);
  order.addEventListener("change", reorder);
  tools.querySelector("button").addEventListener("click", () => {
    const open = !months.every((month) => month.fold.open);
    for (const month of months) month.fold.open = open;
  });
  // A link to a line opens the month that it stands in.
  const reveal = () => {
    const id = location.hash.slice(1);
    if (!/^e\d+\.\d+$/.test(id)) return;
    const month = months.find((month) => month.lines.some((line) => line.includes(` id="${id}"`)));
    if (!month) return;
    month.fold.open = true;
    show(month);
    document.getElementById(id)?.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details:not(.month)")) fold.open = true;
    for (const month of months) { month.fold.open = true; show(month); }
  });
  reveal();
})();

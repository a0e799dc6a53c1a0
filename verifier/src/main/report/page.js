"use strict";
// Search, filter and fold. The page says everything without this.
(() => {
  const tools = document.querySelector(".tools");
  if (!tools) return;
  tools.hidden = false;
  const words = tools.querySelector("input[type=search]");
  const covered = tools.querySelector("#only-covered");
  const changed = tools.querySelector("#only-changed");
  const found = tools.querySelector("output");
  const days = [...document.querySelectorAll("section.day")];
  let texts = null;
  const read = () => days.map((day) => [...day.querySelectorAll("li")].map((line) => [line, line.textContent.toLowerCase()]));
  const filter = () => {
    texts ??= read();
    const wanted = words.value.trim().toLowerCase();
    const all = !wanted && !covered.checked && !changed.checked;
    let count = 0;
    texts.forEach((lines, at) => {
      let any = false;
      for (const [line, text] of lines) {
        const keep = all || ((!wanted || text.includes(wanted)) &&
          (!covered.checked || line.classList.contains("c")) && (!changed.checked || line.classList.contains("x")));
        if (line.hidden === keep) line.hidden = !keep;
        if (keep) { any = true; count += 1; }
      }
      days[at].hidden = !any;
    });
    if (!all) for (const month of document.querySelectorAll("details.month")) month.open = !!month.querySelector("section.day:not([hidden])");
    found.textContent = all ? "" : String(count);
  };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(filter, 150); };
  words.addEventListener("input", soon);
  covered.addEventListener("change", filter);
  changed.addEventListener("change", filter);
  tools.querySelector("button").addEventListener("click", () => {
    const months = [...document.querySelectorAll("details.month")];
    const open = !months.every((month) => month.open);
    for (const month of months) month.open = open;
  });
  // A link to a line opens the month that it stands in.
  const reveal = () => {
    const line = location.hash && document.getElementById(location.hash.slice(1));
    const month = line && line.closest("details.month");
    if (month) { month.open = true; line.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => { for (const month of document.querySelectorAll("details.month")) month.open = true; });
  reveal();
})();

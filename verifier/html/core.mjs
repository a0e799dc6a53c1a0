// Loads the core of zegel-verifier.html, as it stands in that file. Needs node 20, no packages.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = dirname(fileURLToPath(import.meta.url));
export const page = join(here, "zegel-verifier.html");
export const html = readFileSync(page, "utf8");
export const inner = (tag, id) => new RegExp(`<${tag} id="${id}">([\\s\\S]*?)</${tag}>`).exec(html)[1];
export const Z = new Function(inner("script", "core") + "\nreturn Zegel;")();

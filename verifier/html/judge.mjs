// Judges bundles that come in on standard input, one JSON document a line: {files: {name: base64}, trust: base64, nonce?,
// min_entries?, scope?: {stream, id, from, to}, strict?}; or {zip: base64, …}. Answers each with a line: verdict, reason, findings, claims, counts.
import { createInterface } from "node:readline";
import { Z } from "./core.mjs";

const bytes = text => Buffer.from(text, "base64"), file = text => Z.blobFile(new Blob([bytes(text)]));
const ordered = s => s && { stream: s.stream, id: Z.fromHex(s.id), from_month: s.from, to_month: s.to };
const VERDICTS = { verified: "verified", findings: "verified_with_findings", refused: "refused", unable: "not_checked" };
async function judge(given) {
  let r;
  try {
    const files = given.zip ? await Z.openZip(new Blob([bytes(given.zip)])) : new Map(Object.entries(given.files).map(([n, b]) => [n, file(b)]));
    r = await Z.verify({ files, trust: new Uint8Array(bytes(given.trust)), nonce: given.nonce, minEntries: given.min_entries, scope: ordered(given.scope), strict: given.strict });
  } catch (e) { if (!(e instanceof Z.Refusal)) throw e; r = { verdict: e.id === "UNREADABLE" ? "unable" : "refused", refusal: { id: e.id, detail: e.detail } }; }
  if (r.error) throw r.error;
  const answer = { verdict: VERDICTS[r.verdict], reason: r.refusal ? r.refusal.id : null, detail: r.refusal ? r.refusal.detail : null };
  if (r.refusal) return answer;
  const findings = {}; for (const f of r.findings) findings[f.id] = (findings[f.id] || 0) + f.count;
  return { ...answer, findings, claims: r.claims, counts: { events: r.inScope, opened: r.opened, redacted: r.redacted, withheld: r.withheld, covered_units: r.units, captures: r.captures, attachments: r.attachments,
    registry_events: r.registryEvents, records_events: r.recordsEvents, months_outside_period: r.outside[0], events_outside_period: Number(r.outside[1]) }, parts_sha256: r.digest };
}
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) process.stdout.write(JSON.stringify(await judge(JSON.parse(line))) + "\n");

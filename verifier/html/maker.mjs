// A small bundle, made from the specifications: for test.mjs, and to look at in a browser. Not a product: its keys are new each time.
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { deflateRawSync, crc32 as nodeCrc } from "node:zlib";

const text = s => new TextEncoder().encode(s);
const sha = b => new Uint8Array(createHash("sha256").update(b).digest());
function crc32(b) {
  if (nodeCrc) return nodeCrc(b) >>> 0;
  let c = ~0; for (const x of b) { c ^= x; for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1; } return ~c >>> 0;
}
export const HOSTILE = [
  "<img src=x onerror=\"window.__xss=1\"><script>window.__xss=2</script> ",
  "javascript:alert(1) &lt;b&gt; \u202eegassem nedih\u202c \u0000\u0007 </td></table><h1>GEVERIFIEERD</h1> ",
];
export function makeBundle(Z, options = {}) {
  const o = { messages: 12, origin: "chat.example.nl/minbzk", redact: true, witness: true, all: true, ...options };
  const key = () => { const k = generateKeyPairSync("ed25519"); return { pub: new Uint8Array(k.publicKey.export({ type: "spki", format: "der" }).subarray(12)), sign: b => new Uint8Array(sign(null, b, k.privateKey)) }; };
  const id = n => new Uint8Array(32).fill(n);
  const K = { root: key(), recovery: key(), log: key(), source: key(), officer: key(), auditor: key() };
  const A = { root: id(1), recovery: id(2), source: id(0x50), officer: id(0x51) }, conversation = id(0xc0), custodian = id(0xcd);
  const signed = (k, context, bytes) => k.sign(Z.signedBytes(context, bytes));
  const E = Z.ENUMS.EventKind.numbers;
  let clock = Date.UTC(2024, 4, 3, 9, 0), salt = 0;
  const seed = () => sha(text("seed " + salt++));
  const log = [], chains = new Map();
  const value = b => ({ state: 2, value: typeof b === "string" ? text(b) : b }), none = { state: 1 }, unknown = { state: 0 }, list = items => items.length ? { state: 3, items } : none;
  const fill = (family, slots) => Z.LAYOUTS[family].map(s => slots[s.name] || unknown);
  const event = (kind, source, ids, slots, at, seq = 0n) => {
    const family = Z.familyOf(kind), chat = family === "chat" || family === "capture", d = new Date(at);
    const month = chat ? d.getUTCFullYear() * 100 + d.getUTCMonth() + 1 : 0;
    const binding = Z.encode("Binding", { origin: o.origin, source, kind, ...ids, conversation_seq: seq, occurred_at_ms: at, precision: chat ? 3 : 1, clock: chat ? 1 : 3, channel: chat ? 1 : 0, proof_class: chat ? 3 : 0 });
    const body = { seed: seed(), slots: fill(family, { ...slots, binding: value(binding) }) };
    const m = Z.decode("Body", Z.encode("Body", body));
    return { family, body: m, ids, month, header: Z.encode("EventHeader", { kind, ...ids, month, conversation_seq: seq, blobs: slots.blobs || [], body_root: Z.openBody(m, Z.LAYOUTS[family]).root }) };
  };
  const open = kindName => (name, m) => ({ family: "registry", header: Z.encode("EventHeader", { kind: E[kindName], public: Z.encode(name, m) }) });
  const append = (k, source, events) => {
    const before = chains.get(k) || { seq: 0n, hash: new Uint8Array(0) }, t = new Z.Tree(), sealed = new Z.Tree();
    for (const e of events) { t.leaf(Z.eventLeaf(e.header)); sealed.leaf(e.family === "registry" ? Z.tagged(0xC1) : Z.tagged(0xC1, sha(e.header), sha(e.header))); }
    const statement = Z.encode("BatchStatement", { origin: o.origin, source, key: k.pub, batch_seq: before.seq, count: events.length, events_root: t.root(), sealed_root: sealed.root(), previous: before.hash, created_at_ms: clock });
    chains.set(k, { seq: before.seq + 1n, hash: sha(statement) });
    log.push({ events, bytes: Z.encode("Entry", { received_at_ms: clock, batch: { statement, signature: signed(k, "zegel batch v1", statement) } }) });
    clock += 60000;
  };
  const possession = (k, actor) => signed(k, "zegel key v1", Z.encode("KeyPossession", { origin: o.origin, actor, key: k.pub }));
  append(K.root, A.root, [
    open("LOG_CREATED")("LogCreated", { origin: o.origin, root_actor: A.root, root_key: K.root.pub, log_key: K.log.pub, recovery_actor: A.recovery, recovery_key: K.recovery.pub, ministry: "Ministerie van Voorbeelden" }),
    open("ACTOR_REGISTERED")("ActorRegistered", { actor: A.source, role: 3, name: "uitleesdienst" }), open("KEY_ADDED")("KeyAdded", { actor: A.source, key: K.source.pub, proof: possession(K.source, A.source) }),
    open("ACTOR_REGISTERED")("ActorRegistered", { actor: A.officer, role: 4, name: "informatiebeheer" }), open("KEY_ADDED")("KeyAdded", { actor: A.officer, key: K.officer.pub, proof: possession(K.officer, A.officer) }),
    open("GROUNDS_LIST_PUBLISHED")("GroundsListPublished", { version: "woo 2022", items: [{ code: "5.1.2e", label_nl: "persoonlijke levenssfeer", label_en: "privacy" }, { code: "buiten_reikwijdte", label_nl: "buiten reikwijdte", label_en: "out of scope" }] }),
  ]);
  append(K.officer, A.officer, [event(E.CUSTODIAN_REGISTERED, A.officer, { custodian }, { name: value("Anna Voorbeeld") }, clock), event(E.CONVERSATION_REGISTERED, A.officer, { conversation }, { name: value("Team crisis") }, clock)]);
  const words = s => (s.match(/\s*\S+\s*/g) || [s]).map(text), lines = ["Zullen we om drie uur bellen over de brief?", "ja hoor", "De Kamer vraagt om het feitenrelaas van 2 mei.", "Ik stuur het concept vanavond, mijn privénummer is 06 12345678", "Dank, akkoord", ...HOSTILE];
  const file = text("bijlage: concept van het feitenrelaas"), fileHash = sha(file);
  const spoken = Date.UTC(2022, 4, 2, 16, 18), all = [];
  for (let i = 0; i < o.messages; i++) {
    const s = lines[i % lines.length], slots = { sender: value(i % 2 ? "Alice" : "Bram"), display_name: value(i % 2 ? "Alice" : "Bram <b>"), detail: none, text: list(words(s)), as_written: value("[" + i + "] "), attachments: none };
    if (i === 2) { slots.attachments = list([Z.encode("Attachment", { name: "feitenrelaas.txt", media_type: "text/plain", size: file.length, sha256: fileHash, state: 1, key: id(7) })]); slots.blobs = [sha(text("ciphertext"))]; }
    all.push(event(E.MESSAGE_CREATED, A.source, { conversation, custodian }, slots, spoken + i * 3600000, BigInt(i)));
  }
  if (o.messages > 4) all.push(event(E.RECORD_VANISHED, A.source, { conversation, custodian }, { text: none }, spoken + o.messages * 3600000, BigInt(o.messages)));
  for (let i = 0; i < all.length; i += 1000) append(K.source, A.source, all.slice(i, i + 1000));
  const manifestId = id(0x77), items = [];
  if (o.redact) { // in entry 2: a sender, words of message 3, message 4 as a whole
    items.push({ entry: 2n, position: 1, slot: 1, grounds: ["5.1.2e"] }, { entry: 2n, position: 1, slot: 2, grounds: ["5.1.2e"] }, { entry: 2n, position: 3, slot: 11, first_item: 6, item_count: 3, grounds: ["5.1.2e"] }, { entry: 2n, position: 4, slot: 0, grounds: ["buiten_reikwijdte"] });
    append(K.officer, A.officer, [event(E.REDACTION_MANIFEST, A.officer, {}, { subject: value(Z.encode("RedactionSubject", { manifest: manifestId, part: 0, parts: 1, decision: "Woo 2024-017" })), items: list(items.map(i => Z.encode("RedactionItem", i))) }, clock)]);
  }
  const scope = { stream: 1, id: o.absent ? id(0xc1) : conversation }, exportId = id(0x99);
  append(K.officer, A.officer, [event(E.EXPORT_CREATED, A.officer, {}, { subject: value(Z.encode("ExportSubject", { export: exportId, case: "Enquête 2024/3", scope, recipient: "Parlementaire enquêtecommissie", nonce: "bestelling-17", manifest: o.redact ? manifestId : new Uint8Array(0) })) }, clock)]);
  const exportEntry = BigInt(log.length - 1);
  // the snapshot
  const rows = new Map();
  log.forEach((e, index) => e.events.forEach((v, position) => {
    for (const [stream, rid, month] of Z.streamsOf(Z.decode("EventHeader", v.header))) {
      const k = stream + Z.toHex(rid); if (!rows.has(k)) rows.set(k, { stream, id: rid, months: new Map() });
      const r = rows.get(k); if (!r.months.has(month)) r.months.set(month, new Z.Tree());
      r.months.get(month).leaf(Z.streamLeaf(BigInt(index), position, Z.eventLeaf(v.header)));
    }
  }));
  const table = [...rows.entries()].sort((a, b) => a[0] < b[0] ? -1 : 1).map(([, r]) => ({ ...r, months: [...r.months].sort((a, b) => a[0] - b[0]).map(([month, t]) => ({ month, count: t.size, root: t.root() })) }));
  const rowLeaves = table.map(r => Z.rowLeaf(r.stream, r.id, r.months));
  const rootOf = leaves => { const t = new Z.Tree(); leaves.forEach(l => t.leaf(l)); return t.root(); };
  const covers = BigInt(log.length);
  log.push({ bytes: Z.encode("Entry", { received_at_ms: clock, snapshot: { covers, ids: BigInt(table.length), root: rootOf(rowLeaves) } }) });
  const leaves = log.map(e => Z.logLeaf(e.bytes));
  leaves.push(sha(text("one entry more")));
  const gap = (list, from, to) => { const out = []; while (from < to) { let n = 1; while (from + 2 * n <= to && from % (2 * n) === 0) n *= 2; out.push(rootOf(list.slice(from, from + n))); from += n; } return out; };
  const note = o.origin + "\n" + leaves.length + "\n" + Z.toBase64(rootOf(leaves)) + "\n";
  const line = (name, type, k, sig) => "\u2014 " + name + " " + Z.toBase64(Z.concat([Z.keyId(name, type, k.pub), sig])) + "\n";
  let checkpoint = note + "\n" + line(o.origin, 1, K.log, K.log.sign(text(note)));
  if (o.witness) { const t = 1714730000n; checkpoint += line("rekenkamer.example.nl/witness", 4, K.auditor, Z.concat([Z.u64(t), K.auditor.sign(text("cosignature/v1\ntime " + t + "\n" + note))])); }
  // the evidence
  const records = [], put = r => records.push(r);
  put({ header: { format: "zegel-evidence/v1", origin: o.origin, scope, export_entry: exportEntry, export_position: 0, snapshot_entry: covers, checkpoint: text(checkpoint) } });
  let shownTo = 0;
  log.forEach((e, index) => {
    // Of an id that is not there, a bundle shows the registry, records and the snapshot.
    const show = (e.events || []).map((v, p) => [v, p]).filter(([v]) => !o.absent || v.family === "registry" || v.family === "records");
    if (e.events && !show.length) return;
    put({ entry: { gap: gap(leaves, shownTo, index), index: BigInt(index), entry: e.bytes } }); shownTo = index + 1;
    if (!e.events) return;
    const ev = e.events.map(v => Z.eventLeaf(v.header)); let at = 0;
    for (const [v, p] of show) {
      const r = { gap: gap(ev, at, p), position: p, header: v.header }; at = p + 1;
      const covered = items.filter(i => i.entry === BigInt(index) && i.position === p);
      if (v.body && !covered.length) r.opened = v.body;
      else if (v.body && covered[0].slot !== 0) r.redacted = redact(Z, v.body, covered);
      put({ event: r });
    }
    put({ batch_end: { gap: gap(ev, at, e.events.length) } });
  });
  put({ log_end: { gap: gap(leaves, log.length, leaves.length) } });
  let at = 0;
  table.forEach((r, i) => { if (o.absent && r.stream <= 2 && !(r.stream === 2 && o.oneNeighbour)) { put({ neighbour: { gap: gap(rowLeaves, at, i), index: BigInt(i), stream: r.stream, id: r.id, months: Z.monthsDigest(r.months) } }); at = i + 1; } else if (!o.absent && r.stream === 1 || r.stream === 3 || r.stream === 5) { put({ row: { gap: gap(rowLeaves, at, i), index: BigInt(i), stream: r.stream, id: r.id, months: r.months } }); at = i + 1; } });
  put({ rows_end: { gap: gap(rowLeaves, at, table.length) } });
  if (o.records) o.records(records);
  const raw = records.map(r => { const b = Z.encode("EvidenceRecord", r), n = []; let k = b.length; do { n.push(k > 127 ? (k & 127) | 128 : k); k >>= 7; } while (k); return Z.concat([Uint8Array.from(n), b]); });
  const part = Z.concat(raw), statement = Z.encode("ExportStatement", { origin: o.origin, export: exportId, key: K.officer.pub, parts: 1, parts_sha256: sha(sha(part)), created_at_ms: clock });
  if (o.absent) return { files: bag({ "data/evidence-0001": part, "data/export-statement": Z.encode("SignedExport", { statement, signature: signed(K.officer, "zegel export v1", statement) }) }), trust: trustText() };
  const payload = { "data/evidence-0001": part, "data/export-statement": Z.encode("SignedExport", { statement, signature: signed(K.officer, "zegel export v1", statement) }), ["data/attachments/" + Z.toHex(fileHash)]: file };
  const files = bag(payload);
  function vkey(name, type, k) { return name + "+" + Z.toHex(Z.keyId(name, type, k.pub)) + "+" + Z.toBase64(Z.concat([Uint8Array.of(type), k.pub])); }
  function trustText() { return text("# Voorbeeld. Vergelijk de vingerafdruk met de Staatscourant.\nroot " + vkey(o.origin, 1, K.root) + "\n" + (o.witness ? "auditor rekenkamer " + vkey("rekenkamer.example.nl/witness", 4, K.auditor) + "\nquorum rekenkamer\n" : "")); }
  return { files, trust: trustText() };
}
function redact(Z, body, covered) {
  const salt = i => { const h = sha(Z.concat([Uint8Array.of(2), body.seed, Z.u32(i >> 1)])); return h.subarray((i & 1) * 16, (i & 1) * 16 + 16); };
  let next = body.slots.length;
  const slots = body.slots.map((s, n) => {
    const c = covered.filter(i => i.slot === n), items = s.state === 3 ? Array.from({ length: Z.powerOfTwo(s.items.length) }, (_, k) => {
      const x = salt(next++), st = k < s.items.length ? 2 : 1, v = s.items[k] || new Uint8Array(0), hide = c.some(i => k >= i.first_item && k < i.first_item + i.item_count);
      return { leaf: Z.itemLeaf(x, st, v), shown: hide ? { leaf: Z.itemLeaf(x, st, v) } : { salt: x, state: st, value: v } };
    }) : [];
    const data = s.state === 3 ? Z.tagged(0xB2, Z.concat(items.map(i => i.leaf))) : s.value;
    return c.some(i => !i.item_count) ? { leaf: Z.slotLeaf(salt(n), s.state, data) } : { salt: salt(n), state: s.state, value: s.value, items: items.map(i => i.shown) };
  });
  return { slots };
}
export function bag(payload) {
  const hex = b => createHash("sha256").update(b).digest("hex"), lines = m => text(Object.entries(m).map(([n, b]) => hex(b) + "  " + n + "\n").join(""));
  const tags = { "bag-info.txt": text("Payload-Oxum: " + Object.values(payload).reduce((n, b) => n + b.length, 0) + "." + Object.keys(payload).length + "\n"), "bagit.txt": text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"), "manifest-sha256.txt": lines(payload) };
  return { ...payload, ...tags, "tagmanifest-sha256.txt": lines(tags) };
}
export function zip(files, { deflate = true, folder = "bundle/" } = {}) {
  const out = [], dir = []; let at = 0;
  for (const [n, b] of Object.entries(files)) {
    const name = text(folder + n), data = deflate ? deflateRawSync(b) : b, crc = crc32(b);
    const h = Buffer.alloc(30); h.writeUInt32LE(0x04034b50, 0); h.writeUInt16LE(20, 4); h.writeUInt16LE(0x800, 6); h.writeUInt16LE(deflate ? 8 : 0, 8); h.writeUInt32LE(crc, 14); h.writeUInt32LE(data.length, 18); h.writeUInt32LE(b.length, 22); h.writeUInt16LE(name.length, 26);
    const d = Buffer.alloc(46); d.writeUInt32LE(0x02014b50, 0); d.writeUInt16LE(20, 4); d.writeUInt16LE(20, 6); d.writeUInt16LE(0x800, 8); d.writeUInt16LE(deflate ? 8 : 0, 10); d.writeUInt32LE(crc, 16); d.writeUInt32LE(data.length, 20); d.writeUInt32LE(b.length, 24); d.writeUInt16LE(name.length, 28); d.writeUInt32LE(at, 42);
    out.push(h, name, data); dir.push(d, name); at += 30 + name.length + data.length;
  }
  const size = dir.reduce((n, b) => n + b.length, 0), e = Buffer.alloc(22), count = Object.keys(files).length;
  e.writeUInt32LE(0x06054b50, 0); e.writeUInt16LE(count, 8); e.writeUInt16LE(count, 10); e.writeUInt32LE(size, 12); e.writeUInt32LE(at, 16);
  return Buffer.concat([...out, ...dir, e]);
}

"""The registry, step by step: genesis, public events, and who may write what at which entry."""

from . import crypto as c, messages as m
from .cases import add
from .crypto import Key, fixed

ORIGIN = "chat.example.nl/minbzk"
ROOT_ACTOR, RECOVERY_ACTOR, SOURCE_ACTOR, OFFICER_ACTOR = (fixed(f"actor {name}") for name in ("root", "recovery", "source", "officer"))
ROOT, RECOVERY, LOG, SOURCE, OFFICER, NEW = (Key(name) for name in ("root", "recovery", "log", "source", "officer", "new"))


def created(**change):
    return m.log_created(**dict(origin=ORIGIN, root_actor=ROOT_ACTOR, root_key=ROOT.public, log_key=LOG.public,
                                recovery_actor=RECOVERY_ACTOR, recovery_key=RECOVERY.public, ministry="MinBZK") | change)


def genesis(signer=ROOT, source=ROOT_ACTOR, origin=ORIGIN, **change):
    return {"do": "genesis", "origin": origin, "signer": signer.public.hex(), "source": source.hex(), "created": created(**change).hex()}


def apply(entry, kind, public):
    return {"do": "apply", "entry": entry, "kind": kind, "public": public.hex()}


def author(entry, key, actor, kind):
    return {"do": "author", "entry": entry, "key": key.public.hex(), "actor": actor.hex(), "kind": kind}


def log_key(size):
    return {"do": "log_key", "size": size}


def proof(key, actor, origin=ORIGIN, context=c.POSSESSION):
    return key.sign(context, m.key_possession(origin, actor, key.public))


def actor(entry, ident, role):
    return apply(entry, "ACTOR_REGISTERED", m.actor_registered(ident, role, "name"))


def key_added(entry, key, ident, signature=None):
    return apply(entry, "KEY_ADDED", m.key_added(ident, key.public, signature or proof(key, ident)))


def revoked(entry, key, since, reason=1):
    return apply(entry, "KEY_REVOKED", m.key_revoked(key.public, reason, since))


def retired(entry, key):
    return apply(entry, "KEY_RETIRED", m.key_retired(key.public))


WITH_SOURCE = [genesis(), actor(0, SOURCE_ACTOR, m.SOURCE), key_added(0, SOURCE, SOURCE_ACTOR)]


def case(name, about, steps, error=None, values=None, **more):
    """All steps but the last must be taken; the last gives the outcome."""
    add("registry", name, about, {"steps": steps}, values, error, **more)


def make():
    geneses()
    keys()
    rotations()
    roles()


def geneses():
    case("genesis-good", "Signed by the root that it names.", [genesis()])
    case("genesis-by-another-key", "Signed by a stranger.", [genesis(signer=NEW)], ["Rootless"])
    case("genesis-by-recovery", "Recovery replaces a root, it makes none.", [genesis(signer=RECOVERY)], ["Rootless"])
    case("genesis-by-another-actor", "The right key under another actor.", [genesis(source=SOURCE_ACTOR)], ["Rootless"])
    case("genesis-of-another-log", "Of another origin.", [genesis(origin="chat.example.nl/minez")],
         ["OtherOrigin", ORIGIN, "chat.example.nl/minez"])
    case("genesis-one-key-for-root-and-log", "One key, one role.", [genesis(log_key=ROOT.public)], ["KeyTwice", ROOT.public.hex()])
    case("genesis-one-key-for-root-and-recovery", "Who steals the root has the recovery too.",
         [genesis(recovery_key=ROOT.public)], ["KeyTwice", ROOT.public.hex()])
    case("genesis-one-key-for-recovery-and-log", "One key, one role.", [genesis(log_key=RECOVERY.public)],
         ["KeyTwice", RECOVERY.public.hex()])
    case("genesis-one-actor-for-root-and-recovery", "One actor, one role.", [genesis(recovery_actor=ROOT_ACTOR)],
         ["ActorTwice", ROOT_ACTOR.hex()])
    case("genesis-twice", "A log is created once.", [genesis(), apply(1, "LOG_CREATED", created())], ["GenesisTwice"])


def keys():
    case("key-good", "An actor, then its key; it signs from the next entry.",
         [*WITH_SOURCE, author(1, SOURCE, SOURCE_ACTOR, "MESSAGE_CREATED")], values={"role": "ROLE_SOURCE"})
    case("key-of-unknown-actor", "Nobody's key.", [genesis(), key_added(1, SOURCE, SOURCE_ACTOR)],
         ["UnknownActor", SOURCE_ACTOR.hex()])
    possession = ["Possession", "BadSignature"]

    def unproven(name, about, signature, key=SOURCE):
        case(name, about, [genesis(), actor(1, SOURCE_ACTOR, m.SOURCE), key_added(1, key, SOURCE_ACTOR, signature)], possession)

    unproven("key-without-possession", "64 zero bytes.", bytes(64))
    unproven("key-proof-by-another-key", "The root vouches, the key itself is silent.",
             ROOT.sign(c.POSSESSION, m.key_possession(ORIGIN, SOURCE_ACTOR, SOURCE.public)))
    unproven("key-proof-for-another-actor", "It wanted to be somebody else's.", proof(SOURCE, OFFICER_ACTOR))
    unproven("key-proof-for-another-log", "It was proven elsewhere.", proof(SOURCE, SOURCE_ACTOR, "chat.example.nl/minez"))
    unproven("key-proof-as-batch", "Signed as a batch.", proof(SOURCE, SOURCE_ACTOR, context=c.BATCH))
    case("key-twice", "The same key for the same actor.", [*WITH_SOURCE, key_added(1, SOURCE, SOURCE_ACTOR)],
         ["KeyTwice", SOURCE.public.hex()])
    case("key-of-two-actors", "One key, one actor.",
         [*WITH_SOURCE, actor(1, OFFICER_ACTOR, m.OFFICER), key_added(1, SOURCE, OFFICER_ACTOR)], ["KeyTwice", SOURCE.public.hex()])
    case("key-of-the-log-for-an-actor", "The log's key signs checkpoints only.",
         [*WITH_SOURCE, key_added(1, LOG, SOURCE_ACTOR)], ["KeyTwice", LOG.public.hex()])
    case("key-comes-back-after-retirement", "No key comes back.", [*WITH_SOURCE, retired(3, SOURCE), key_added(4, SOURCE, SOURCE_ACTOR)],
         ["KeyTwice", SOURCE.public.hex()])
    case("actor-twice", "One actor, one role.", [*WITH_SOURCE, actor(1, SOURCE_ACTOR, m.OFFICER)], ["ActorTwice", SOURCE_ACTOR.hex()])
    case("actor-event-not-canonical", "A field that is not known.",
         [genesis(), apply(1, "ACTOR_REGISTERED", m.actor_registered(SOURCE_ACTOR, m.SOURCE, "x") + b"\x78\x01")],
         ["Canonical", "NotCanonical"])
    case("actor-registered-as-root", "Root is named by genesis.", [genesis(), actor(1, SOURCE_ACTOR, m.ROOT)],
         ["Canonical", "Grammar", "Value", "role"])
    case("key-unknown-to-the-registry", "A stranger signs.", [*WITH_SOURCE, author(2, NEW, SOURCE_ACTOR, "MESSAGE_CREATED")],
         ["UnknownKey", NEW.public.hex(), 2])
    case("key-of-the-log-signs-a-batch", "The log's key writes nothing.", [*WITH_SOURCE, author(2, LOG, SOURCE_ACTOR, "MESSAGE_CREATED")],
         ["UnknownKey", LOG.public.hex(), 2])
    case("key-under-another-actor", "The source signs as root.", [*WITH_SOURCE, author(2, SOURCE, ROOT_ACTOR, "POLICY_SET")],
         ["OtherActor", SOURCE.public.hex(), SOURCE_ACTOR.hex(), ROOT_ACTOR.hex()])
    case("key-used-after-revocation", "Revoked at 5, used at 6.",
         [*WITH_SOURCE, revoked(5, SOURCE, 2), author(6, SOURCE, SOURCE_ACTOR, "MESSAGE_CREATED")], ["EndedKey", SOURCE.public.hex(), 5, 6])
    case("key-used-after-retirement", "Retired at 5, used at 6.",
         [*WITH_SOURCE, retired(5, SOURCE), author(6, SOURCE, SOURCE_ACTOR, "MESSAGE_CREATED")], ["EndedKey", SOURCE.public.hex(), 5, 6])
    case("key-revoked-good", "The root revokes; the doubt reaches back to 2.", [*WITH_SOURCE, revoked(5, SOURCE, 2)],
         values={"compromised": [[SOURCE.public.hex(), 2]]})
    case("key-lost-good", "Lost is not compromised.", [*WITH_SOURCE, revoked(5, SOURCE, 2, reason=2)], values={"compromised": []})
    case("key-revoked-from-its-own-entry-good", "The doubt may begin at the revocation.", [*WITH_SOURCE, revoked(5, SOURCE, 5)],
         values={"compromised": [[SOURCE.public.hex(), 5]]})
    case("key-revoked-with-doubt-in-the-future", "Nobody knows yet.", [*WITH_SOURCE, revoked(5, SOURCE, 6)], ["DoubtInFuture", 6, 5])
    case("key-revoked-twice", "It has ended.", [*WITH_SOURCE, revoked(5, SOURCE, 2), revoked(6, SOURCE, 1)],
         ["UnknownKey", SOURCE.public.hex()])
    case("key-retired-twice", "It has ended.", [*WITH_SOURCE, retired(5, SOURCE), retired(6, SOURCE)], ["UnknownKey", SOURCE.public.hex()])
    case("key-revoked-that-is-unknown", "No such key.", [*WITH_SOURCE, revoked(5, NEW, 2)], ["UnknownKey", NEW.public.hex()])


def rotations():
    changed = apply(4, "LOG_KEY_CHANGED", m.key_changed(NEW.public, proof(NEW, bytes(32))))
    case("log-key-before-its-change-good", "A checkpoint of 4 entries does not include entry 4.", [*WITH_SOURCE, changed, log_key(4)],
         values={"log_key": LOG.public.hex()})
    case("log-key-after-its-change-good", "A checkpoint of 5 entries includes it.", [*WITH_SOURCE, changed, log_key(5)],
         values={"log_key": NEW.public.hex()})
    case("log-key-proof-for-the-root", "The proof names 32 zero bytes, not an actor.",
         [*WITH_SOURCE, apply(4, "LOG_KEY_CHANGED", m.key_changed(NEW.public, proof(NEW, ROOT_ACTOR)))], ["Possession", "BadSignature"])
    case("log-key-is-an-actors-key", "One key, one use.",
         [*WITH_SOURCE, apply(4, "LOG_KEY_CHANGED", m.key_changed(SOURCE.public, proof(SOURCE, bytes(32))))], ["KeyTwice", SOURCE.public.hex()])
    case("log-key-comes-back", "No key comes back.",
         [*WITH_SOURCE, changed, apply(6, "LOG_KEY_CHANGED", m.key_changed(LOG.public, proof(LOG, bytes(32))))], ["KeyTwice", LOG.public.hex()])
    new_root = apply(4, "ROOT_KEY_CHANGED", m.key_changed(NEW.public, proof(NEW, ROOT_ACTOR)))
    case("root-key-changed-good", "The new root writes the registry.", [*WITH_SOURCE, new_root, author(5, NEW, ROOT_ACTOR, "POLICY_SET")],
         values={"role": "ROLE_ROOT"})
    case("root-key-used-after-its-change", "The old root has ended.", [*WITH_SOURCE, new_root, author(5, ROOT, ROOT_ACTOR, "POLICY_SET")],
         ["EndedKey", ROOT.public.hex(), 4, 5])
    case("root-key-proof-for-the-log", "The proof names the root's actor.",
         [*WITH_SOURCE, apply(4, "ROOT_KEY_CHANGED", m.key_changed(NEW.public, proof(NEW, bytes(32))))], ["Possession", "BadSignature"])
    case("root-key-is-a-sources-key", "One key, one actor.",
         [*WITH_SOURCE, apply(4, "ROOT_KEY_CHANGED", m.key_changed(SOURCE.public, proof(SOURCE, ROOT_ACTOR)))], ["KeyTwice", SOURCE.public.hex()])
    to_log_key = apply(4, "ROOT_KEY_CHANGED", m.key_changed(LOG.public, proof(LOG, ROOT_ACTOR)))
    case("root-key-is-the-log-key", "One key, one use.", [*WITH_SOURCE, to_log_key], ["KeyTwice", LOG.public.hex()])
    case("root-key-change-refused-leaves-the-root-good", "What is refused changes nothing: the root can still write.",
         [*WITH_SOURCE, to_log_key | {"refused": ["KeyTwice", LOG.public.hex()]}, author(5, ROOT, ROOT_ACTOR, "POLICY_SET")],
         values={"role": "ROLE_ROOT"})
    archive = fixed("archive key", 1216)
    added = apply(3, "ARCHIVE_KEY_ADDED", m.archive_key_added(1, archive, "HSM 1"))
    ended = apply(5, "ARCHIVE_KEY_RETIRED", m.key_retired(c.sha256(archive)))
    case("archive-key-good", "Its id is the hash of its public key.", [*WITH_SOURCE, added], values={"archive_keys": [c.sha256(archive).hex()]})
    case("archive-key-retired-good", "Nothing is wrapped to it any more.", [*WITH_SOURCE, added, ended], values={"archive_keys": []})
    case("archive-key-twice", "It is there.", [*WITH_SOURCE, added, added], ["KeyTwice", c.sha256(archive).hex()])
    case("archive-key-comes-back", "No key comes back.", [*WITH_SOURCE, added, ended, added], ["KeyTwice", c.sha256(archive).hex()])
    case("archive-key-retired-that-is-unknown", "No such key.", [*WITH_SOURCE, ended], ["UnknownKey", c.sha256(archive).hex()])


def allowed(kind):
    """Roles that may write a kind: specs/registry.md."""
    number = m.KINDS[kind]
    special = {
        "ROOT_KEY_CHANGED": {m.ROOT, m.RECOVERY}, "CLASS_LIST_PUBLISHED": {m.ROOT, m.OFFICER},
        "GROUNDS_LIST_PUBLISHED": {m.ROOT, m.OFFICER}, "POLICY_SET": {m.ROOT, m.OFFICER},
        "LOG_RECOVERED": {m.ROOT, m.OPERATOR}, "CUSTODY_TRANSFERRED": {m.OPERATOR, m.OFFICER},
        "CUSTODY_RECEIVED": {m.OPERATOR, m.OFFICER}, "CUSTODY_PURGED": {m.OPERATOR, m.OFFICER},
        "REDACTION_APPROVED": {m.APPROVER}, "DESTRUCTION_APPROVED": {m.APPROVER},
        "HOLD_RELEASED": {m.OFFICER, m.APPROVER}, "CONTENT_READ": {m.OFFICER, m.APPROVER, m.INSPECTOR}, "CONVERSATION_REGISTERED": {m.OFFICER, m.SOURCE},
    }
    families = [(20, {m.ROOT}), (40, {m.OFFICER}), (80, {m.SOURCE}), (120, {m.OFFICER}), (200, {m.OFFICER, m.INSPECTOR})]
    return special.get(kind) or next(roles for below, roles in families if number < below)


def roles():
    table = {kind: [f"ROLE_{m.ROLES[role]}" for role in sorted(allowed(kind))] for kind in m.KINDS}
    add("registry", "kind-by-role-table-good", "Every kind with every role that may write it, and no other.",
        {"steps": [{"do": "table", "table": table}]})
    entry_key = {m.ROOT: (ROOT, ROOT_ACTOR), m.RECOVERY: (RECOVERY, RECOVERY_ACTOR)}
    for role, kind, about in [
        (m.SOURCE, "KEY_ADDED", "A source hands out no keys."), (m.SOURCE, "CUSTODIAN_REGISTERED", "Nor registers persons."),
        (m.SOURCE, "REDACTION_MANIFEST", "Nor redacts."), (m.SOURCE, "EXPORT_CREATED", "Nor exports."),
        (m.OFFICER, "MESSAGE_CREATED", "An officer invents no messages."), (m.OFFICER, "ARCHIVE_KEY_ADDED", "Only the root."),
        (m.OFFICER, "DESTRUCTION_APPROVED", "Two pairs of eyes."), (m.OFFICER, "REDACTION_APPROVED", "Two pairs of eyes."),
        (m.APPROVER, "DESTRUCTION_EXECUTED", "Who approves does not destroy."), (m.APPROVER, "DISCLOSURE_SENT", "Nor gives away; reads what it approves."), (m.OPERATOR, "MESSAGE_CREATED", "No content."),
        (m.OPERATOR, "LOG_KEY_CHANGED", "Only the root."), (m.AUDITOR, "INTAKE_CHECKED", "An auditor writes nothing."),
        (m.FOLLOWER, "MESSAGE_CREATED", "A follower writes nothing."), (m.FOLLOWER, "LOG_RECOVERED", "A follower writes nothing."),
        (m.INSPECTOR, "HOLD_PLACED", "Writes only what it was given."), (m.ROOT, "MESSAGE_CREATED", "Root: registry only."),
        (m.ROOT, "EXPORT_CREATED", "Root: registry only."), (m.RECOVERY, "KEY_REVOKED", "Recovery replaces the root, and nothing else."),
        (m.RECOVERY, "ACTOR_REGISTERED", "Recovery replaces the root, and nothing else."),
    ]:
        key, ident = entry_key.get(role, (OFFICER, OFFICER_ACTOR))
        steps = [genesis()] if role in entry_key else [genesis(), actor(0, ident, role), key_added(0, key, ident)]
        name = f"{m.ROLES[role]}-writes-{kind}".lower().replace("_", "-")
        case(name, about, [*steps, author(1, key, ident, kind)], ["WrongRole", f"ROLE_{m.ROLES[role]}", kind])

"""The messages of zegel.v1 as bytes, from proto/zegel/v1/*.proto. Parameters have the names of the fields."""

from .wire import always, data, each, number

KINDS = {
    "LOG_CREATED": 1, "ACTOR_REGISTERED": 2, "KEY_ADDED": 3, "KEY_RETIRED": 4, "KEY_REVOKED": 5,
    "ARCHIVE_KEY_ADDED": 6, "ARCHIVE_KEY_RETIRED": 7, "LOG_KEY_CHANGED": 8, "ROOT_KEY_CHANGED": 9, "POLICY_SET": 10,
    "CLASS_LIST_PUBLISHED": 11, "GROUNDS_LIST_PUBLISHED": 12, "WITNESS_POLICY_SET": 13, "LOG_RECOVERED": 14,
    "CUSTODIAN_REGISTERED": 20, "CUSTODIAN_CHANGED": 21, "CONVERSATION_REGISTERED": 22, "CONVERSATION_LINKED": 23,
    "MESSAGE_CREATED": 40, "MESSAGE_EDITED": 41, "MESSAGE_DELETED": 42, "REACTION_ADDED": 43, "REACTION_REMOVED": 44,
    "MEMBERSHIP_CHANGED": 45, "CONVERSATION_CHANGED": 46, "SETTING_OBSERVED": 47, "CALL_LOGGED": 48,
    "SYSTEM_NOTED": 49, "IDENTITY_CHANGED": 50, "VIEW_ONCE_RECEIVED": 51, "MESSAGE_WAITING": 52,
    "SCREENSHOT_ADDED": 53, "POLL_NOTED": 54, "RECORD_VANISHED": 55, "CONTACT_DECIDED": 56, "RECEIPT_OBSERVED": 57,
    "CAPTURE_STARTED": 60, "CAPTURE_STOPPED": 61, "GATEWAY_HEARTBEAT": 62, "GAP_DECLARED": 63, "READOUT_OPENED": 64,
    "READOUT_CLOSED": 65, "READOUT_MANIFEST": 66, "PERIOD_CLOSED": 67, "SOURCE_RESUMED": 68,
    "ACCEPTANCE_RECORDED": 80, "CLASS_ASSIGNED": 81, "HOLD_PLACED": 82, "HOLD_RELEASED": 83,
    "RETENTION_ASSIGNED": 84, "REDACTION_MANIFEST": 85, "REDACTION_APPROVED": 86, "DESTRUCTION_PROPOSED": 87,
    "DESTRUCTION_APPROVED": 88, "DESTRUCTION_EXECUTED": 89, "WEEDING_EXECUTED": 90, "BREACH_REMOVED": 91,
    "BODY_RESEALED": 92, "INTAKE_CHECKED": 93, "EXPORT_CREATED": 94, "CUSTODY_TRANSFERRED": 95,
    "CUSTODY_RECEIVED": 96, "CUSTODY_PURGED": 97, "CASE_OPENED": 98, "CASE_CLOSED": 99, "CORRECTION_NOTED": 100,
    "CONTENT_READ": 120, "SEARCH_PERFORMED": 121, "DISCLOSURE_SENT": 122,
}
ROLES = ["UNSPECIFIED", "ROOT", "RECOVERY", "SOURCE", "OFFICER", "APPROVER", "INSPECTOR", "AUDITOR", "OPERATOR",
         "FOLLOWER"]
ROOT, RECOVERY, SOURCE, OFFICER, APPROVER, INSPECTOR, AUDITOR, OPERATOR, FOLLOWER = range(1, 10)
UNKNOWN, NONE, VALUE, LIST = range(4)
CONVERSATION, CUSTODIAN, REGISTRY, REGISTER, RECORDS, ACCESS = range(1, 7)


def header(kind, conversation=b"", custodian=b"", month=0, conversation_seq=0, blobs=(), body_root=None, public=None):
    return (number(1, kind) + data(2, conversation) + data(3, custodian) + number(4, month)
            + number(5, conversation_seq) + each(6, blobs)
            + (always(7, body_root) if body_root is not None else b"")
            + (always(8, public) if public is not None else b""))


def slot(state, value=b"", items=()):
    return number(1, state) + data(2, value) + each(3, items)


def body(seed, slots):
    """Slots as (state, value or items)."""
    return data(1, seed) + each(2, [slot_of(one) for one in slots])


def slot_of(one):
    state, content = one
    return slot(state, items=content) if state == LIST else slot(state, content)


def binding(origin, source, kind, conversation=b"", custodian=b"", conversation_seq=0, occurred_at_ms=0, precision=0,
            clock=0, channel=0, proof_class=0, ambiguous_time=0):
    return (data(1, origin) + data(2, source) + number(3, kind) + data(4, conversation) + data(5, custodian)
            + number(6, conversation_seq) + number(7, occurred_at_ms) + number(8, precision) + number(9, clock)
            + number(10, channel) + number(11, proof_class) + number(12, ambiguous_time))


def attachment(name="", media_type="", size=0, sha256=b"", state=0, blob=0, key=b""):
    return (data(1, name) + data(2, media_type) + number(3, size) + data(4, sha256) + number(5, state)
            + number(6, blob) + data(7, key))


def statement(origin, source, key, batch_seq, count, events_root, sealed_root, previous, created_at_ms):
    return (data(1, origin) + data(2, source) + data(3, key) + number(4, batch_seq) + number(5, count)
            + data(6, events_root) + data(7, sealed_root) + data(8, previous) + number(9, created_at_ms))


def signed(statement_bytes, signature):
    """SignedBatch and SignedExport."""
    return data(1, statement_bytes) + data(2, signature)


def snapshot(covers, ids, root):
    return number(1, covers) + number(2, ids) + data(3, root)


def entry(received_at_ms, batch=None, index_snapshot=None):
    return (number(1, received_at_ms) + (always(2, batch) if batch is not None else b"")
            + (always(3, index_snapshot) if index_snapshot is not None else b""))


def key_wrap(dossier, wrapped):
    return data(1, dossier) + data(2, wrapped)


def recipient(archive_key, sealed):
    return data(1, archive_key) + data(2, sealed)


def envelope(origin, source, conversation, month, nonce, recipients):
    return (data(1, origin) + data(2, source) + data(3, conversation) + number(4, month) + data(5, nonce)
            + each(6, recipients))


def log_created(origin, root_actor, root_key, log_key, recovery_actor, recovery_key, ministry):
    fields = [origin, root_actor, root_key, log_key, recovery_actor, recovery_key, ministry]
    return b"".join(data(at, value) for at, value in enumerate(fields, 1))


def actor_registered(actor, role, name):
    return data(1, actor) + number(2, role) + data(3, name)


def key_added(actor, key, proof):
    return data(1, actor) + data(2, key) + data(3, proof)


def key_possession(origin, actor, key):
    return data(1, origin) + data(2, actor) + data(3, key)


def key_retired(key):
    return data(1, key)


def key_revoked(key, reason, compromised_from_entry):
    return data(1, key) + number(2, reason) + number(3, compromised_from_entry)


def archive_key_added(algorithm, public_key, name):
    return number(1, algorithm) + data(2, public_key) + data(3, name)


def key_changed(key, proof):
    """LogKeyChanged and RootKeyChanged."""
    return data(1, key) + data(2, proof)


def policy_set(name, value):
    return data(1, name) + data(2, value)


def list_item(code, label_nl="", label_en="", definition=""):
    return data(1, code) + data(2, label_nl) + data(3, label_en) + data(4, definition)


def list_published(version, items):
    return data(1, version) + each(2, items)


def scope(stream, ident, from_month=0, to_month=0):
    return number(1, stream) + data(2, ident) + number(3, from_month) + number(4, to_month)


def export_subject(export, case, scope_bytes, recipient_name, nonce, manifest):
    return (data(1, export) + data(2, case) + always(3, scope_bytes) + data(4, recipient_name) + data(5, nonce)
            + data(6, manifest))


def redaction_subject(manifest, part, parts, decision):
    return data(1, manifest) + number(2, part) + number(3, parts) + data(4, decision)


def redaction_item(entry_index, position, slot_number, first_item=0, item_count=0, grounds=("5.1.2e",)):
    return (number(1, entry_index) + number(2, position) + number(3, slot_number) + number(4, first_item)
            + number(5, item_count) + each(6, grounds))


def selection_subject(act, refers_to=b"", scopes=(), code="", list_version="", test="", count=0, events_root=b""):
    return (data(1, act) + data(2, refers_to) + each(3, scopes) + data(4, code) + data(5, list_version) + data(6, test)
            + number(8, count) + data(9, events_root))


def manifest_detail(manifest, part, parts, file_sha256, records):
    return data(1, manifest) + number(2, part) + number(3, parts) + data(5, file_sha256) + number(7, records)


def manifest_run(first_record, count, fate, first_conversation_seq):
    return number(1, first_record) + number(2, count) + number(3, fate) + number(4, first_conversation_seq)


def export_statement(origin, export, key, parts, parts_sha256, created_at_ms):
    return (data(1, origin) + data(2, export) + data(3, key) + number(4, parts) + data(5, parts_sha256)
            + number(6, created_at_ms))


def shown(salt=b"", leaf=b"", state=0, value=b"", items=()):
    """ShownSlot and, without items, ShownItem."""
    return data(1, salt) + data(2, leaf) + number(3, state) + data(4, value) + each(5, items)


def redacted(slots):
    return each(1, slots)


def month(number_of_month, count, root):
    return number(1, number_of_month) + number(2, count) + data(3, root)


def evidence_header(fmt, origin, scope_bytes, export_entry, export_position, snapshot_entry, checkpoint):
    return (data(1, fmt) + data(2, origin) + always(3, scope_bytes) + number(4, export_entry)
            + number(5, export_position) + number(6, snapshot_entry) + data(7, checkpoint))


def evidence_entry(gap, index, entry_bytes):
    return each(1, gap) + number(2, index) + data(3, entry_bytes)


def evidence_event(gap, position, header_bytes, opened=None, redacted_body=None, sealed=None):
    return (each(1, gap) + number(2, position) + data(3, header_bytes)
            + (always(4, opened) if opened is not None else b"")
            + (always(5, redacted_body) if redacted_body is not None else b"")
            + (always(6, sealed) if sealed is not None else b""))


def evidence_row(gap, index, stream, ident, months):
    return each(1, gap) + number(2, index) + number(3, stream) + data(4, ident) + each(5, months)


def evidence_neighbour(gap, index, stream, ident, months_digest):
    return each(1, gap) + number(2, index) + number(3, stream) + data(4, ident) + data(5, months_digest)


def gap_only(gap):
    """EvidenceBatchEnd, EvidenceLogEnd, EvidenceRowsEnd."""
    return each(1, gap)


RECORDS_OF_A_BUNDLE = {"header": 1, "entry": 2, "event": 3, "batch_end": 4, "log_end": 5, "row": 6, "rows_end": 7,
                       "envelope": 8, "neighbour": 9}


def record(name, content):
    return always(RECORDS_OF_A_BUNDLE[name], content)

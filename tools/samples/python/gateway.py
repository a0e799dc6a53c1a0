"""A gateway in Python: hands over a conversation, and again what was not receipted, until all of it is."""

import queue
import sys
import time

import grpc
import source_pb2 as source
import source_pb2_grpc

PIECE_BYTES = 512 * 1024


def now_ms():
    return int(time.time() * 1000)


def events(custodian, count):
    """What there is to hand over: key and content, the same each time."""
    began = now_ms()
    conversation = "python-groep"

    def place(number):
        return source.Place(
            custodian=custodian,
            channel=source.CHANNEL_MATRIX,
            conversation=conversation,
            at_ms=began - 60_000 + number,
            clock=source.CLOCK_SERVER,
        )

    register = source.Register(channel=source.CHANNEL_MATRIX, conversation=conversation, title="Python", kind="group")
    yield "py-register", {"register": register}
    for number in range(count):
        message = source.Message(place=place(number), native_id=f"py-{number}", sender="@py:example.nl", text=f"py-{number}.")
        if number == 0:
            message.attachments.add(name="stip.png", media_type="image/png", upload="py-upload")
        yield f"py-{number}", {"message": message}
    edit = source.Edit(place=place(count), native_id="py-edit", target="py-0", sender="@py:example.nl", text="py, beter")
    yield "py-edit", {"edit": edit}
    deletion = source.Deletion(place=place(count + 1), native_id="py-del", target="py-1", sender="@py:example.nl")
    yield "py-del", {"deletion": deletion}


def upload(stub, log, key, data):
    """Puts what is not there yet."""
    standing = stub.AttachmentStat(source.AttachmentRequest(log=log, upload=key))

    def pieces():
        for at in range(standing.offset, len(data), PIECE_BYTES):
            yield source.AttachmentChunk(
                log=log, upload=key, size=len(data), offset=at, data=data[at : at + PIECE_BYTES]
            )

    if not standing.complete:
        stub.PutAttachment(pieces())


def session(stub, log, custodian, left):
    """One session: takes out of `left` what is settled. Raises grpc.RpcError when it breaks."""
    requests = queue.SimpleQueue()
    opening = source.Open(log=log, gateway="python-sample", version="1", custodians=[custodian])
    requests.put(source.Request(sent_at_ms=now_ms(), open=opening))
    answers = stub.Session(iter(requests.get, None))
    credits = next(answers).opened.credits
    waiting = list(left.items())
    while left:
        while credits and waiting:
            key, content = waiting.pop(0)
            requests.put(source.Request(key=key, sent_at_ms=now_ms(), **content))
            credits -= 1
        answer = next(answers)
        kind = answer.WhichOneof("content")
        if kind == "spooled":
            credits += answer.spooled.credits
        elif kind == "receipted":
            left.pop(answer.receipted.key, None)
        elif kind == "quarantined":
            print(f"quarantined: {answer.quarantined}", file=sys.stderr)
            left.pop(answer.quarantined.key, None)
        elif kind == "not_taken":
            sys.exit(f"{answer.not_taken.name}: {answer.not_taken.sentence}")
    requests.put(source.Request(sent_at_ms=now_ms(), close=source.Close()))
    requests.put(None)
    for _ in answers:
        pass


def main():
    address, log, custodian, count = sys.argv[1:]
    stub = source_pb2_grpc.SourceStub(grpc.insecure_channel(address))
    left = dict(events(custodian, int(count)))
    sessions = 0
    while left:
        sessions += 1
        try:
            upload(stub, log, "py-upload", bytes(range(256)) * 4096)
            session(stub, log, custodian, left)
        except (grpc.RpcError, StopIteration) as reason:
            print(f"the session broke: {reason}", file=sys.stderr)
            time.sleep(0.2)
    print(f"all is in the log, in {sessions} sessions")


main()

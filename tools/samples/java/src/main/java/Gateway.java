// A gateway in Java: hands over a conversation, and again what was not receipted, until all of it is.

import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import zegel.source.v1.SourceGrpc;
import zegel.source.v1.SourceOuterClass.Answer;
import zegel.source.v1.SourceOuterClass.Attachment;
import zegel.source.v1.SourceOuterClass.AttachmentChunk;
import zegel.source.v1.SourceOuterClass.AttachmentRequest;
import zegel.source.v1.SourceOuterClass.AttachmentStanding;
import zegel.source.v1.SourceOuterClass.Channel;
import zegel.source.v1.SourceOuterClass.Clock;
import zegel.source.v1.SourceOuterClass.Close;
import zegel.source.v1.SourceOuterClass.Deletion;
import zegel.source.v1.SourceOuterClass.Edit;
import zegel.source.v1.SourceOuterClass.Message;
import zegel.source.v1.SourceOuterClass.Open;
import zegel.source.v1.SourceOuterClass.Place;
import zegel.source.v1.SourceOuterClass.Register;
import zegel.source.v1.SourceOuterClass.Request;

public final class Gateway {
    private static final int PIECE_BYTES = 512 * 1024;
    private static final String CONVERSATION = "java-groep";
    private static final String SENDER = "+31611111111";

    private final ManagedChannel channel;
    private final String log;
    private final String custodian;
    private final long began = System.currentTimeMillis();
    /** What was not receipted yet, by key, in the order in which it happened. */
    private final Map<String, Request.Builder> left = new LinkedHashMap<>();

    private Gateway(ManagedChannel channel, String log, String custodian, int count) {
        this.channel = channel;
        this.log = log;
        this.custodian = custodian;
        events(count);
    }

    private Place place(int number) {
        return Place.newBuilder().setCustodian(custodian).setChannel(Channel.CHANNEL_WHATSAPP).setConversation(CONVERSATION)
                .setAtMs(began - 60_000 + number).setClock(Clock.CLOCK_SERVER).build();
    }

    /** What there is to hand over: the same each time. */
    private void events(int count) {
        left.put("java-register", Request.newBuilder().setRegister(Register.newBuilder()
                .setChannel(Channel.CHANNEL_WHATSAPP).setConversation(CONVERSATION).setTitle("Java").setKind("group")));
        for (int number = 0; number < count; number++) {
            String id = "java-" + number;
            Message.Builder message = Message.newBuilder().setPlace(place(number)).setNativeId(id).setSender(SENDER)
                    .setText(id + ".");
            if (number == 0) {
                message.addAttachments(Attachment.newBuilder().setName("stip.png").setMediaType("image/png")
                        .setUpload("java-upload"));
            }
            left.put(id, Request.newBuilder().setMessage(message));
        }
        left.put("java-edit", Request.newBuilder().setEdit(Edit.newBuilder().setPlace(place(count))
                .setNativeId("java-edit").setTarget("java-0").setSender(SENDER).setText("java, beter")));
        left.put("java-del", Request.newBuilder().setDeletion(Deletion.newBuilder().setPlace(place(count + 1))
                .setNativeId("java-del").setTarget("java-1").setSender(SENDER)));
    }

    /** Collects the answers of a call; what ended it comes last. */
    private static final class Answers<T> implements StreamObserver<T> {
        private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();

        @Override
        public void onNext(T answer) {
            arrived.add(answer);
        }

        @Override
        public void onError(Throwable reason) {
            arrived.add(Status.fromThrowable(reason).asRuntimeException());
        }

        @Override
        public void onCompleted() {
            arrived.add(Status.UNAVAILABLE.withDescription("the session ended").asRuntimeException());
        }

        @SuppressWarnings("unchecked")
        T next() throws InterruptedException {
            Object found = arrived.take();
            if (found instanceof StatusRuntimeException reason) {
                throw reason;
            }
            return (T) found;
        }
    }

    /** Puts what is not there yet. */
    private void upload(String key, byte[] data) throws InterruptedException {
        AttachmentRequest asked = AttachmentRequest.newBuilder().setLog(log).setUpload(key).build();
        AttachmentStanding standing = SourceGrpc.newBlockingStub(channel).attachmentStat(asked);
        if (standing.getComplete()) {
            return;
        }
        Answers<AttachmentStanding> answers = new Answers<>();
        StreamObserver<AttachmentChunk> pieces = SourceGrpc.newStub(channel).putAttachment(answers);
        for (int at = (int) standing.getOffset(); at < data.length; at += PIECE_BYTES) {
            pieces.onNext(AttachmentChunk.newBuilder().setLog(log).setUpload(key).setSize(data.length).setOffset(at)
                    .setData(ByteString.copyFrom(data, at, Math.min(PIECE_BYTES, data.length - at))).build());
        }
        pieces.onCompleted();
        answers.next();
    }

    /** One session: takes out of what is left what is settled. Throws when it breaks. */
    private void session() throws InterruptedException {
        Answers<Answer> answers = new Answers<>();
        StreamObserver<Request> requests = SourceGrpc.newStub(channel).session(answers);
        requests.onNext(Request.newBuilder().setSentAtMs(System.currentTimeMillis())
                .setOpen(Open.newBuilder().setLog(log).setGateway("java-sample").setVersion("1").addCustodians(custodian))
                .build());
        int credits = answers.next().getOpened().getCredits();
        ArrayDeque<String> waiting = new ArrayDeque<>(left.keySet());
        while (!left.isEmpty()) {
            for (; credits > 0 && !waiting.isEmpty(); credits--) {
                String key = waiting.remove();
                requests.onNext(left.get(key).setKey(key).setSentAtMs(System.currentTimeMillis()).build());
            }
            Answer answer = answers.next();
            switch (answer.getContentCase()) {
                case SPOOLED -> credits += answer.getSpooled().getCredits();
                case RECEIPTED -> left.remove(answer.getReceipted().getKey());
                case QUARANTINED -> {
                    System.err.println("quarantined: " + answer.getQuarantined());
                    left.remove(answer.getQuarantined().getKey());
                }
                case NOT_TAKEN -> {
                    System.err.println(answer.getNotTaken().getName() + ": " + answer.getNotTaken().getSentence());
                    System.exit(1);
                }
                default -> { }
            }
        }
        requests.onNext(Request.newBuilder().setSentAtMs(System.currentTimeMillis()).setClose(Close.newBuilder()).build());
        requests.onCompleted();
    }

    public static void main(String[] arguments) throws InterruptedException {
        ManagedChannel channel = Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
        Gateway gateway = new Gateway(channel, arguments[1], arguments[2], Integer.parseInt(arguments[3]));
        int sessions = 0;
        while (!gateway.left.isEmpty()) {
            sessions++;
            try {
                gateway.upload("java-upload", "stip".repeat(300_000).getBytes());
                gateway.session();
            } catch (StatusRuntimeException reason) {
                System.err.println("the session broke: " + reason.getMessage());
                Thread.sleep(200);
            }
        }
        channel.shutdown().awaitTermination(5, java.util.concurrent.TimeUnit.SECONDS);
        System.out.println("all is in the log, in " + sessions + " sessions");
    }
}

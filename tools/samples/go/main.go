// A gateway in Go: hands over a conversation, and again what was not receipted, until all of it is.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"zegel.example/samples/go/source"
)

const pieceBytes = 512 * 1024

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// What there is to hand over, in order: the same each time.
func events(custodian string, count int) []*source.Request {
	began := nowMs()
	place := func(number int) *source.Place {
		return &source.Place{Custodian: custodian, Channel: source.Channel_CHANNEL_SIGNAL, Conversation: "go-groep",
			AtMs: began - 60_000 + uint64(number), Clock: source.Clock_CLOCK_SERVER}
	}
	all := []*source.Request{{Key: "go-register", Content: &source.Request_Register{Register: &source.Register{
		Channel: source.Channel_CHANNEL_SIGNAL, Conversation: "go-groep", Title: "Go", Kind: "group"}}}}
	for number := range count {
		id := fmt.Sprintf("go-%d", number)
		message := &source.Message{Place: place(number), NativeId: id, Sender: "+31611111111", Text: id + "."}
		if number == 0 {
			message.Attachments = []*source.Attachment{{Name: "stip.png", MediaType: "image/png", Upload: "go-upload"}}
		}
		all = append(all, &source.Request{Key: id, Content: &source.Request_Message{Message: message}})
	}
	edit := &source.Edit{Place: place(count), NativeId: "go-edit", Target: "go-0", Sender: "+31611111111", Text: "go, beter"}
	deletion := &source.Deletion{Place: place(count + 1), NativeId: "go-del", Target: "go-1", Sender: "+31611111111"}
	return append(all,
		&source.Request{Key: "go-edit", Content: &source.Request_Edit{Edit: edit}},
		&source.Request{Key: "go-del", Content: &source.Request_Deletion{Deletion: deletion}})
}

// Puts what is not there yet.
func upload(ctx context.Context, client source.SourceClient, origin, key string, data []byte) error {
	standing, err := client.AttachmentStat(ctx, &source.AttachmentRequest{Log: origin, Upload: key})
	if err != nil || standing.Complete {
		return err
	}
	stream, err := client.PutAttachment(ctx)
	if err != nil {
		return err
	}
	for at := int(standing.Offset); at < len(data); at += pieceBytes {
		piece := data[at:min(len(data), at+pieceBytes)]
		chunk := &source.AttachmentChunk{Log: origin, Upload: key, Size: uint64(len(data)), Offset: uint64(at), Data: piece}
		if err := stream.Send(chunk); err != nil {
			break
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

// One session: takes out of left what is settled, until nothing is left or the session breaks.
func session(ctx context.Context, client source.SourceClient, origin, custodian string, all []*source.Request, left map[string]bool) error {
	stream, err := client.Session(ctx)
	if err != nil {
		return err
	}
	open := &source.Open{Log: origin, Gateway: "go-sample", Version: "1", Custodians: []string{custodian}}
	if err := stream.Send(&source.Request{SentAtMs: nowMs(), Content: &source.Request_Open{Open: open}}); err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	credits, next := first.GetOpened().GetCredits(), 0
	for len(left) > 0 {
		for ; credits > 0 && next < len(all); next++ {
			if !left[all[next].Key] {
				continue
			}
			all[next].SentAtMs = nowMs()
			if err := stream.Send(all[next]); err != nil {
				return err
			}
			credits--
		}
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		switch told := answer.Content.(type) {
		case *source.Answer_Spooled:
			credits += told.Spooled.Credits
		case *source.Answer_Receipted:
			delete(left, told.Receipted.Key)
		case *source.Answer_Quarantined:
			log.Printf("quarantined: %v", told.Quarantined)
			delete(left, told.Quarantined.Key)
		case *source.Answer_NotTaken:
			log.Fatalf("%s: %s", told.NotTaken.Name, told.NotTaken.Sentence)
		}
	}
	closing := &source.Request{SentAtMs: nowMs(), Content: &source.Request_Close{Close: &source.Close{}}}
	if err := stream.Send(closing); err != nil {
		return err
	}
	return stream.CloseSend()
}

func main() {
	address, origin, custodian := os.Args[1], os.Args[2], os.Args[3]
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	client, all, left := source.NewSourceClient(connection), events(custodian, count), map[string]bool{}
	for _, request := range all {
		left[request.Key] = true
	}
	sessions, ctx := 0, context.Background()
	for len(left) > 0 {
		sessions++
		err := upload(ctx, client, origin, "go-upload", bytes.Repeat([]byte("stip"), 300_000))
		if err == nil {
			err = session(ctx, client, origin, custodian, all, left)
		}
		if err != nil {
			log.Printf("the session broke: %v", err)
			time.Sleep(200 * time.Millisecond)
		}
	}
	fmt.Printf("all is in the log, in %d sessions\n", sessions)
}

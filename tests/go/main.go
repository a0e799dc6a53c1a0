// Checks a running log over its read API (c2sp.org/tlog-tiles) with golang.org/x/mod/sumdb/{note,tlog} alone: the
// signature of the checkpoint, every tile on the way, every entry it can reach, and consistency with older sizes.
//
//	go run . URL VKEY [OLDER-NOTE-FILE]
//	go run . line URL
//
// With CLIENT_CERT_FILE and CLIENT_KEY_FILE it shows that certificate to the log. The second form is for tools that cannot:
// it prints an address on this machine, and passes on what is asked there until it is stopped.
//
// Prints the size, and what was checked; exits 1 at the first thing that does not hold.
package main

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}

func get(url string) ([]byte, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// A checkpoint is three lines: origin, size, root.
func open(message []byte, verifier note.Verifier) tlog.Tree {
	opened := must(note.Open(message, note.VerifierList(verifier)))
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		fail("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size := must(strconv.ParseInt(lines[1], 10, 64))
	root := must(base64.StdEncoding.DecodeString(lines[2]))
	if len(root) != tlog.HashSize {
		fail("a root of %d bytes", len(root))
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}
}

// tiles reads what tlog asks for; tlog itself checks each tile against the root before it uses it.
type tiles struct {
	url  string
	read map[string][]byte
}

func (t *tiles) Height() int                     { return height }
func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t *tiles) ReadTiles(wanted []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range wanted {
		// tlog writes tile/H/L/N; tlog-tiles has no H.
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		if t.read[path] == nil {
			if t.read[path], err = get(t.url + path); err != nil {
				return nil, err
			}
		}
		data = append(data, t.read[path])
	}
	return data, nil
}

// bundle gives the entries of one bundle: each behind two bytes of length.
func bundle(url string, number, width int64) [][]byte {
	path := strings.Replace(tlog.Tile{H: height, L: 0, N: number, W: int(width)}.Path(), "tile/8/0/", "tile/entries/", 1)
	data := must(get(url + path))
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			fail("%s is cut", path)
		}
		length := int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:2+length]), data[2+length:]
	}
	if int64(len(entries)) != width {
		fail("%s has %d entries", path, len(entries))
	}
	return entries
}

// show makes every request show the certificate of the environment, if there is one.
func show() {
	certificate, key := os.Getenv("CLIENT_CERT_FILE"), os.Getenv("CLIENT_KEY_FILE")
	if certificate == "" {
		return
	}
	pair := must(tls.LoadX509KeyPair(certificate, key))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	http.DefaultTransport = transport
}

// line passes on what is asked on this machine.
func line(to string) {
	target := must(url.Parse(to))
	proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) { request.SetURL(target) }}
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	fmt.Printf("http://%s/\n", listener.Addr())
	fail("%v", http.Serve(listener, proxy))
}

func main() {
	show()
	if len(os.Args) == 3 && os.Args[1] == "line" {
		line(os.Args[2])
	}
	if len(os.Args) < 3 {
		fail("usage: URL VKEY [OLDER-NOTE-FILE]")
	}
	prefix, verifier := os.Args[1], must(note.NewVerifier(os.Args[2]))
	tree := open(must(get(prefix+"checkpoint")), verifier)
	reader := tlog.TileHashReader(tree, &tiles{prefix, map[string][]byte{}})
	for first := int64(0); first < tree.N; first += 1 << height {
		width := min(tree.N-first, 1<<height)
		for i, entry := range bundle(prefix, first>>height, width) {
			index := first + int64(i)
			proof := must(tlog.ProveRecord(tree.N, index, reader))
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
				fail("entry %d: %v", index, err)
			}
		}
	}
	for size := int64(1); size <= tree.N; size += 1 + size/7 {
		root := must(tlog.TreeHash(size, reader))
		consistent(tree, size, root, reader)
	}
	for _, name := range os.Args[3:] {
		older := open(must(os.ReadFile(name)), verifier)
		consistent(tree, older.N, older.Hash, reader)
		fmt.Printf("continues the checkpoint of %d entries\n", older.N)
	}
	fmt.Printf("%d entries, each in the tree\n", tree.N)
}

func consistent(tree tlog.Tree, size int64, root tlog.Hash, reader tlog.HashReader) {
	proof := must(tlog.ProveTree(tree.N, size, reader))
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, root); err != nil {
		fail("sizes %d and %d: %v", size, tree.N, err)
	}
}

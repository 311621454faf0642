// A witness (C2SP tlog-witness) of one log, by golang.org/x/mod/sumdb, for tests. It remembers nothing when it ends.
// Its arguments: the witness's name, and the log's verifier key. It writes its verifier key and its address.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const cosignature = 4 // the signature type

type witness struct {
	name   string
	secret ed25519.PrivateKey
	log    note.Verifier
	lock   sync.Mutex
	size   int64 // of the checkpoint that it cosigned last
	root   tlog.Hash
}

type refusal struct {
	status int
	body   string
}

func (r refusal) Error() string { return r.body }

func main() {
	log, err := note.NewVerifier(os.Args[2])
	check(err)
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	w := &witness{name: os.Args[1], secret: secret, log: log}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	material := append([]byte{cosignature}, public...)
	fmt.Printf("%s+%08x+%s http://%s\n", w.name, w.id(), base64.StdEncoding.EncodeToString(material), listener.Addr())
	http.HandleFunc("/add-checkpoint", w.serve)
	check(http.Serve(listener, nil))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func (w *witness) serve(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	check(err)
	lines, err := w.add(request.Method, body)
	var refused refusal
	if errors.As(err, &refused) {
		if refused.status == http.StatusConflict {
			answer.Header().Set("Content-Type", "text/x.tlog.size")
		}
		answer.WriteHeader(refused.status)
		lines = refused.body
	}
	io.WriteString(answer, lines)
}

func (w *witness) add(method string, body []byte) (string, error) {
	head, signed, found := bytes.Cut(body, []byte("\n\n"))
	if method != "POST" || !found {
		return "", refusal{http.StatusBadRequest, "no checkpoint"}
	}
	lines := strings.Split(string(head), "\n")
	old, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64)
	if err != nil || lines[0] != fmt.Sprintf("old %d", old) || len(lines) > 64 {
		return "", refusal{http.StatusBadRequest, "no size"}
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return "", refusal{http.StatusBadRequest, err.Error()}
		}
		proof = append(proof, hash)
	}
	text := strings.SplitN(string(signed), "\n", 4)
	if len(text) < 4 || text[0] != w.log.Name() {
		return "", refusal{http.StatusNotFound, "an unknown log"}
	}
	opened, err := note.Open(signed, note.VerifierList(w.log))
	if err != nil {
		return "", refusal{http.StatusForbidden, err.Error()}
	}
	size, err := strconv.ParseInt(text[1], 10, 64)
	root, notRoot := tlog.ParseHash(text[2])
	if err != nil || notRoot != nil || old > size {
		return "", refusal{http.StatusBadRequest, "no size or root"}
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	if old != w.size {
		return "", refusal{http.StatusConflict, fmt.Sprintf("%d\n", w.size)}
	}
	if old > 0 {
		err = tlog.CheckTree(proof, size, root, old, w.root)
	} else if len(proof) > 0 {
		err = errors.New("a proof for the empty tree")
	}
	if err != nil {
		return "", refusal{http.StatusUnprocessableEntity, err.Error()}
	}
	w.size, w.root = size, root
	return w.cosign(opened.Text), nil
}

func (w *witness) cosign(text string) string {
	now := time.Now().Unix()
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", now, text)
	data := binary.BigEndian.AppendUint32(nil, w.id())
	data = binary.BigEndian.AppendUint64(data, uint64(now))
	data = append(data, ed25519.Sign(w.secret, []byte(message))...)
	return fmt.Sprintf("— %s %s\n", w.name, base64.StdEncoding.EncodeToString(data))
}

func (w *witness) id() uint32 {
	hash := sha256.New()
	hash.Write([]byte(w.name + "\n"))
	hash.Write([]byte{cosignature})
	hash.Write(w.secret.Public().(ed25519.PublicKey))
	return binary.BigEndian.Uint32(hash.Sum(nil))
}

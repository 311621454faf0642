// Trees, proofs and notes by golang.org/x/mod/sumdb, for tests that compare them with ours.
// It answers each line of JSON on standard input with one on standard output.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

type question struct {
	Do     string
	Leaves [][]byte    // data of leaves to add to the tree
	Proof  []tlog.Hash // to check
	Size   int64
	Index  int64
	Level  int
	Width  int
	Old    int64
	Root   tlog.Hash
	Leaf   tlog.Hash
	From   tlog.Hash // the root of the old tree
	Text   string
	Keys   []string
	Files  map[string][]byte // tiles by their paths
}

type answer struct {
	Error  string
	Hashes []tlog.Hash
	Data   []byte
	Text   string
	Names  []string
}

// The tree is kept in memory, as the sequence that tlog defines.
type tree []tlog.Hash

func (t tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, t[index])
	}
	return found, nil
}

// Tiles of somebody else's tree
type tiles map[string][]byte

func (t tiles) Height() int { return tileHeight }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, ok := t[tile.Path()]
		if !ok {
			return nil, fmt.Errorf("no tile %s", tile.Path())
		}
		found = append(found, data)
	}
	return found, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	var whole tree
	size := int64(0)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	write := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		if asked.Do == "grow" {
			for _, data := range asked.Leaves {
				hashes, err := tlog.StoredHashes(size, data, whole)
				if err != nil {
					panic(err)
				}
				whole = append(whole, hashes...)
				size++
			}
		}
		found, err := respond(asked, whole)
		if err != nil {
			found.Error = err.Error()
		}
		if err := write.Encode(found); err != nil {
			panic(err)
		}
	}
}

func respond(asked question, whole tree) (answer, error) {
	switch asked.Do {
	case "grow":
		return answer{}, nil
	case "root":
		root, err := tlog.TreeHash(asked.Size, whole)
		return answer{Hashes: []tlog.Hash{root}}, err
	case "prove inclusion":
		proof, err := tlog.ProveRecord(asked.Size, asked.Index, whole)
		return answer{Hashes: proof}, err
	case "prove consistency":
		proof, err := tlog.ProveTree(asked.Size, asked.Old, whole)
		return answer{Hashes: proof}, err
	case "check inclusion":
		return answer{}, tlog.CheckRecord(asked.Proof, asked.Size, asked.Root, asked.Index, asked.Leaf)
	case "check consistency":
		return answer{}, tlog.CheckTree(asked.Proof, asked.Size, asked.Root, asked.Old, asked.From)
	case "prove from tiles":
		reader := tlog.TileHashReader(tlog.Tree{N: asked.Size, Hash: asked.Root}, tiles(asked.Files))
		proof, err := tlog.ProveRecord(asked.Size, asked.Index, reader)
		if err == nil { // TileHashReader does not check every tile
			err = tlog.CheckRecord(proof, asked.Size, asked.Root, asked.Index, asked.Leaf)
		}
		return answer{Hashes: proof}, err
	case "tile":
		tile := tlog.Tile{H: tileHeight, L: asked.Level, N: asked.Index, W: asked.Width}
		data, err := tlog.ReadTileData(tile, whole)
		return answer{Data: data, Text: tile.Path()}, err
	case "new tiles":
		var paths []string
		for _, tile := range tlog.NewTiles(tileHeight, asked.Old, asked.Size) {
			paths = append(paths, tile.Path())
		}
		return answer{Names: paths}, nil
	case "new key":
		secret, public, err := note.GenerateKey(rand.Reader, asked.Text)
		return answer{Names: []string{secret, public}}, err
	case "sign":
		return sign(asked)
	case "open":
		return open(asked)
	}
	panic("unknown: " + asked.Do)
}

func sign(asked question) (answer, error) {
	var signers []note.Signer
	for _, key := range asked.Keys {
		signer, err := note.NewSigner(key)
		if err != nil {
			return answer{}, err
		}
		signers = append(signers, signer)
	}
	data, err := note.Sign(&note.Note{Text: asked.Text}, signers...)
	return answer{Text: string(data)}, err
}

// The text of a note, and the names of the keys that signed it; for a tree's note, its root, too.
func open(asked question) (answer, error) {
	var verifiers []note.Verifier
	for _, key := range asked.Keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return answer{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(asked.Text), note.VerifierList(verifiers...))
	if err != nil {
		return answer{}, err
	}
	found := answer{Text: opened.Text}
	for _, signature := range opened.Sigs {
		found.Names = append(found.Names, signature.Name)
	}
	if strings.HasPrefix(opened.Text, "go.sum database tree\n") {
		stated, err := tlog.ParseTree([]byte(opened.Text))
		if err != nil {
			return answer{}, err
		}
		found.Hashes = []tlog.Hash{stated.Hash}
	}
	return found, nil
}

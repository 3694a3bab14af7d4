package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// documents are the published versions of the class, oldest first, and the
// names of their blocks' files in testdata.
var documents = []struct{ document, file string }{
	{"sysadm-iocage-1-listjails.rst", "1-2016-01.txt"},
	{"sysadm-iocage-2-full.txt", "2-2016-08.txt"},
	{"sysadm-iocage-3-full-deactivated.txt", "3-2017-02.txt"},
	{"sysadm-iocage-4-reworked.rst", "4-2017-06.txt"},
}

const sums = "documents.sha256"

func main() {
	seeds := flag.String("seeds", filepath.Join("..", "shared", "seeds"), "folder of the documents")
	testdata := flag.String("testdata", filepath.Join("sysadm", "testdata", "seeds"), "folder of the blocks")
	write := flag.Bool("write", false, "write the files instead of comparing")
	flag.Parse()
	if err := run(os.Stdout, *seeds, *testdata, *write); err != nil {
		fmt.Fprintln(os.Stderr, "seedcheck:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, seeds, testdata string, write bool) error {
	if _, err := os.Stat(seeds); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(out, "%s does not exist: nothing to compare\n", seeds)
		return nil
	}
	var all strings.Builder
	var bad error
	for _, d := range documents {
		text, err := os.ReadFile(filepath.Join(seeds, d.document))
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%x  %s\n", sha256.Sum256(text), d.document)
		blocks, err := extract(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", d.document, err)
		}
		fmt.Fprintf(out, "%-40s %3d blocks\n", d.document, len(blocks))
		bad = errors.Join(bad, keep(filepath.Join(testdata, d.file), format(blocks), write))
	}
	return errors.Join(bad, keep(filepath.Join(testdata, sums), all.String(), write))
}

// keep writes a file, or reports where its content differs from what is wanted.
func keep(path, want string, write bool) error {
	if write {
		return os.WriteFile(path, []byte(want), 0o644)
	}
	have, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if string(have) == want {
		return nil
	}
	h, w := strings.Split(string(have), "\n"), strings.Split(want, "\n")
	for i := range min(len(h), len(w)) {
		if h[i] != w[i] {
			return fmt.Errorf("%s:%d: %.80q, the document has %.80q", path, i+1, h[i], w[i])
		}
	}
	return fmt.Errorf("%s: %d lines, the document has %d", path, len(h), len(w))
}

package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/release/releasetest"
)

// script writes a program that stands in for bsdtar(1) or xz(1).
func script(t *testing.T, body string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no sh(1) on Windows")
	}
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestForwardedBytes: the program gets the archive's own bytes, up to two blocks
// of zeros, with "-xpf -" and the root as working directory.
func TestForwardedBytes(t *testing.T) {
	plain := releasetest.Archive("tar", "13.2-RELEASE")
	for name, data := range map[string][]byte{
		"release": plain,
		"sparse":  sparse(t, 70_000),
		"odd":     tarOf(t, file("a", strings.Repeat("x", 513)), dir("b"), file(strings.Repeat("n", 90)+"/"+strings.Repeat("m", 90), "y")),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t)
			tool := script(t, `[ "$*" = "-xpf -" ] || exit 9; [ -z "$TAR_READER_OPTIONS" ] || exit 8; cat >got`)
			t.Setenv("TAR_READER_OPTIONS", "hdrcharset=KOI8-R")
			opts := archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: tool}
			if _, err := extract(gz(append(bytes.Clone(data), make([]byte, 9000)...)), s.root, opts); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(s.root, "got"))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, want %d (%v)", len(got), len(data), err)
			}
		})
	}
}

// TestNothingOfARefusedMember: of a refused member not even the header is
// handed on, though those before it were.
func TestNothingOfARefusedMember(t *testing.T) {
	s := newSandbox(t)
	out := filepath.Join(t.TempDir(), "got")
	tool := script(t, "exec cat >"+out+"\n")
	const size = 600 << 10 // more than is gathered
	good := headers(t, file("good", strings.Repeat("x", size)))
	good = good[:512+size]
	r := &gated{first: append(bytes.Clone(good), tarOf(t, file("../evil", "x"))...), wait: func() {
		for range 500 {
			if got, _ := os.ReadFile(out); len(got) >= size/2 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}, at: len(good)}
	_, err := archive.Extract(t.Context(), r, s.root, archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: tool})
	if !errors.Is(err, archive.ErrDotDot) {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil || !bytes.HasPrefix(good, got) || len(got) < size/2 || bytes.Contains(got, []byte("evil")) {
		t.Errorf("the program got %d bytes (%v)", len(got), err)
	}
}

// gated calls wait once it is asked for more than the bytes before at.
type gated struct {
	first []byte
	at    int
	pos   int
	wait  func()
}

func (g *gated) Read(p []byte) (int, error) {
	if g.pos == len(g.first) {
		return 0, io.EOF
	}
	end := len(g.first)
	if g.pos < g.at {
		end = g.at
	} else {
		g.wait()
	}
	n := copy(p, g.first[g.pos:end])
	g.pos += n
	return n, nil
}

func TestProgramFails(t *testing.T) {
	data := tarOf(t, file("big", strings.Repeat("x", 4<<20)))
	for name, body := range map[string]string{
		"at the end":     "cat >/dev/null; echo './lib/libc.so.7: no space' >&2; exit 1\n",
		"at the start":   "echo 'tar: no space' >&2; exit 1\n",
		"in the middle":  "head -c 70000 >/dev/null; echo 'tar: no space' >&2; exit 1\n",
		"without reason": "exit 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := extract(data, t.TempDir(), archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: script(t, body)})
			var te *archive.ToolError
			if !errors.As(err, &te) || te.ExitCode != 1 {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(body, "space") && !strings.Contains(err.Error(), "no space") {
				t.Errorf("error %v does not say why", err)
			}
		})
	}
	t.Run("leaves early with success", func(t *testing.T) {
		if _, err := extract(data, t.TempDir(), archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: script(t, "exit 0\n")}); err == nil {
			t.Error("no error though the archive was not read")
		}
	})
	t.Run("missing", func(t *testing.T) {
		_, err := extract(data, t.TempDir(), archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: "/nonexistent/bsdtar"})
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	})
}

// TestCancelKillsGroup: a program that hangs, and its child, are ended.
func TestCancelKillsGroup(t *testing.T) {
	for name, size := range map[string]int{"while it is fed": 4 << 20, "when it has all": 1} {
		t.Run(name, func(t *testing.T) { cancelKillsGroup(t, size) })
	}
}

func cancelKillsGroup(t *testing.T, size int) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	tool := script(t, "sleep 60 & wait\n")
	data := tarOf(t, file("big", strings.Repeat("x", size)))
	_, err := archive.Extract(ctx, bytes.NewReader(data), t.TempDir(), archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: tool})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	// The child holds stderr: were it alive, the wait would last its bound.
	if d := time.Since(start); d > 4*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestXZProgram(t *testing.T) {
	path, err := exec.LookPath("xz")
	if err != nil {
		t.Skip("no xz here")
	}
	txz := releasetest.Archive("txz", "13.2-RELEASE")
	corrupt := bytes.Clone(txz)
	corrupt[len(corrupt)/2] ^= 0xff
	for _, c := range []struct {
		name string
		data []byte
		opts archive.Options
		want error
	}{
		{"good", txz, archive.Options{SHA256: sum(txz), Size: int64(len(txz))}, nil},
		{"truncated", txz[:len(txz)/2], archive.Options{}, archive.ErrTruncated},
		{"truncated index", txz[:len(txz)-10], archive.Options{}, archive.ErrTruncated},
		{"corrupt", corrupt, archive.Options{}, archive.ErrFormat},
		{"trailing garbage", append(bytes.Clone(txz), bytes.Repeat([]byte("garbage."), 9)...), archive.Options{}, archive.ErrFormat},
		{"wrong hash", txz, archive.Options{SHA256: sum(nil)}, archive.ErrHashMismatch},
		{"too large", txz, archive.Options{MaxMember: 10}, archive.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := c.opts
			opts.Extractor, opts.Decompressor, opts.XZPath = archive.ExtractGo, archive.DecompressXZ, path
			root := t.TempDir()
			stats, err := extract(c.data, root, opts)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if c.want == nil {
				compareRelease(t, root, "13.2-RELEASE")
				if stats.Received != int64(len(txz)) || stats.SHA256 != sum(txz) || stats.Format != "xz" {
					t.Errorf("stats %+v", stats)
				}
			}
		})
	}
}

// TestFlagsOnDisk: bsdtar(1) as root sets schg.
func TestFlagsOnDisk(t *testing.T) {
	path, err := exec.LookPath("bsdtar")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs bsdtar and root")
	}
	s := newSandbox(t)
	if _, err := immutable(s.root); err != nil {
		t.Skip("no file flags here: ", err)
	}
	data := releasetest.Archive("tgz", "13.2-RELEASE")
	if _, err := extract(data, s.root, archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: path}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"lib/libc.so.7": true, "usr/bin/su": true, "bin/sh": false} {
		if got, err := immutable(filepath.Join(s.root, name)); err != nil || got != want {
			t.Errorf("%s immutable: %v (%v), want %v", name, got, err, want)
		}
	}
}

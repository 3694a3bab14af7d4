package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/release/releasetest"
)

// entry is one member to be written with archive/tar.
type entry struct {
	name, link, body string
	typ              byte
	mode             int64
	size             int64 // announced, when it is not len(body)
	pax              map[string]string
}

// tarOf writes members; the bytes of a member may be fewer than announced.
func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	for _, e := range entries {
		hdr := &tar.Header{
			Name: e.name, Linkname: e.link, Typeflag: e.typ, Mode: e.mode, Size: int64(len(e.body)),
			ModTime: time.Unix(1_600_000_000, 0), PAXRecords: e.pax, Uid: os.Getuid(), Gid: os.Getgid(),
		}
		if hdr.Mode == 0 {
			hdr.Mode = 0o755
		}
		if e.size != 0 {
			hdr.Size = e.size
		}
		if e.typ == tar.TypeXGlobalHeader {
			hdr = &tar.Header{Typeflag: e.typ, PAXRecords: e.pax}
		}
		if e.pax != nil {
			hdr.Format = tar.FormatPAX
		}
		if err := tw.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tw, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil && !strings.Contains(err.Error(), "missed writing") {
		t.Fatal(err)
	}
	if out.Len()%512 != 0 {
		t.Fatalf("archive of %d bytes", out.Len())
	}
	return out.Bytes()
}

func gz(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(data)
	w.Close()
	return out.Bytes()
}

func file(name, body string) entry    { return entry{name: name, typ: tar.TypeReg, body: body} }
func dir(name string) entry           { return entry{name: name, typ: tar.TypeDir} }
func symlink(name, link string) entry { return entry{name: name, typ: tar.TypeSymlink, link: link} }
func hard(name, link string) entry    { return entry{name: name, typ: tar.TypeLink, link: link} }

// snapshot describes everything below a directory: name, mode, link, content.
func snapshot(t testing.TB, root string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		line := fmt.Sprintf("%s %v", rel, fi.Mode())
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			link, _ := os.Readlink(path)
			line += " -> " + link
		case fi.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %q", fi.ModTime().Unix(), data)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// sandbox has a root to extract to beside a canary tree.
type sandbox struct{ root, canary, before string }

func newSandbox(t testing.TB) *sandbox {
	t.Helper()
	top := t.TempDir()
	s := &sandbox{root: filepath.Join(top, "root"), canary: filepath.Join(top, "canary")}
	for _, d := range []string{s.root, s.canary, filepath.Join(s.canary, "sub")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"file", "sub/file"} {
		if err := os.WriteFile(filepath.Join(s.canary, f), []byte("untouched"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.before = snapshot(t, s.canary)
	// bsdtar(1) sets schg where it can, and TempDir cannot remove such a file.
	t.Cleanup(func() { clearFlags(t, s.root) })
	return s
}

// check fails when anything beside the root changed.
func (s *sandbox) check(t testing.TB) {
	t.Helper()
	if after := snapshot(t, s.canary); after != s.before {
		t.Errorf("the tree beside the root changed:\n%s\nwas:\n%s", after, s.before)
	}
	beside, err := os.ReadDir(filepath.Dir(s.root))
	if err != nil {
		t.Fatal(err)
	}
	if len(beside) != 2 {
		t.Errorf("new entries beside the root: %v", beside)
	}
}

// extractors lists the two ways of writing that this machine has.
func extractors(t *testing.T) map[string]archive.Options {
	t.Helper()
	m := map[string]archive.Options{"go": {Extractor: archive.ExtractGo, Decompressor: archive.DecompressGo}}
	if path, err := exec.LookPath("bsdtar"); err == nil {
		m["bsdtar"] = archive.Options{Extractor: archive.ExtractBsdtar, BsdtarPath: path, Decompressor: archive.DecompressGo}
	} else {
		t.Log("no bsdtar here: only the Go extractor is tested")
	}
	return m
}

func extract(data []byte, root string, opts archive.Options) (archive.Stats, error) {
	return archive.Extract(context.Background(), bytes.NewReader(data), root, opts)
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func TestRefusals(t *testing.T) {
	txz := releasetest.Archive("txz", "13.2-RELEASE")
	corrupt := bytes.Clone(txz)
	corrupt[len(corrupt)/2] ^= 0xff
	plain := releasetest.Archive("tar", "13.2-RELEASE")
	cases := []struct {
		name    string
		data    func(s *sandbox) []byte
		opts    archive.Options
		want    error
		member  string // of the *MemberError, if one is expected
		missing string // must not exist below the root afterwards
	}{
		{name: "absolute path", data: func(s *sandbox) []byte { return tarOf(t, file(s.canary+"/new", "x")) }, want: archive.ErrAbsolutePath, member: "/new"},
		{name: "dot dot", data: func(*sandbox) []byte { return tarOf(t, file("./../canary/new", "x")) }, want: archive.ErrDotDot, member: "./../canary/new"},
		{name: "dot dot inside", data: func(*sandbox) []byte { return tarOf(t, dir("a/"), file("a/../b", "x")) }, want: archive.ErrDotDot, member: "a/../b", missing: "b"},
		{name: "dot dot at the end", data: func(*sandbox) []byte { return tarOf(t, dir("a/..")) }, want: archive.ErrDotDot, member: "a/.."},
		{name: "write through absolute link", data: func(s *sandbox) []byte {
			return tarOf(t, symlink("./out", s.canary), file("./out/new", "x"))
		}, want: archive.ErrThroughSymlink, member: "./out/new"},
		{name: "write through relative link", data: func(*sandbox) []byte {
			return tarOf(t, symlink("./out", "../canary"), file("./out/file", "x"))
		}, want: archive.ErrThroughSymlink, member: "./out/file"},
		{name: "write through a link that stays inside", data: func(*sandbox) []byte {
			return tarOf(t, dir("./a/"), symlink("./in", "a"), file("./in/x", "x"))
		}, want: archive.ErrThroughSymlink, member: "./in/x", missing: "a/x"},
		{name: "deep through a link", data: func(*sandbox) []byte {
			return tarOf(t, dir("a/"), symlink("a/b", "../../canary"), file("a/b/sub/file", "x"))
		}, want: archive.ErrThroughSymlink, member: "a/b/sub/file"},
		{name: "directory over a link", data: func(*sandbox) []byte {
			return tarOf(t, symlink("out", "../canary"), dir("out/"), file("out/file", "x"))
		}, want: archive.ErrThroughSymlink, member: "out/"},
		{name: "directory replaced by a link", data: func(*sandbox) []byte {
			return tarOf(t, dir("out/"), symlink("out", "../canary"), file("out/file", "x"))
		}, want: archive.ErrThroughSymlink, member: "out/file"},
		{name: "through a hard link to a link", data: func(*sandbox) []byte {
			return tarOf(t, symlink("out", "../canary"), hard("again", "out"), file("again/file", "x"))
		}, want: archive.ErrThroughSymlink, member: "again/file"},
		{name: "hard link to absolute", data: func(s *sandbox) []byte {
			return tarOf(t, hard("x", s.canary+"/file"))
		}, want: archive.ErrLinkEscape, member: "x", missing: "x"},
		{name: "hard link to dot dot", data: func(*sandbox) []byte {
			return tarOf(t, hard("x", "../canary/file"), file("x", "y"))
		}, want: archive.ErrLinkEscape, member: "x", missing: "x"},
		{name: "hard link through a link", data: func(*sandbox) []byte {
			return tarOf(t, symlink("out", "../canary"), hard("x", "out/file"))
		}, want: archive.ErrThroughSymlink, member: "x", missing: "x"},
		{name: "hard link to nothing", data: func(*sandbox) []byte { return tarOf(t, hard("x", "y")) }, want: archive.ErrLinkTarget, member: "x"},
		{name: "hard link to a directory", data: func(*sandbox) []byte { return tarOf(t, dir("d"), hard("x", "d")) }, want: archive.ErrLinkTarget, member: "x"},
		{name: "hard link to itself", data: func(*sandbox) []byte { return tarOf(t, file("x", "1"), hard("x", "./x")) }, want: archive.ErrLinkTarget, member: "x"},
		{name: "below a file", data: func(*sandbox) []byte { return tarOf(t, file("x", "1"), file("x/y", "1")) }, want: archive.ErrNotDirectory, member: "x/y"},
		{name: "character device", data: func(*sandbox) []byte { return tarOf(t, entry{name: "null", typ: tar.TypeChar}) }, want: archive.ErrDevice, member: "null", missing: "null"},
		{name: "block device", data: func(*sandbox) []byte { return tarOf(t, entry{name: "ada0", typ: tar.TypeBlock}) }, want: archive.ErrDevice, member: "ada0", missing: "ada0"},
		{name: "fifo", data: func(*sandbox) []byte { return tarOf(t, entry{name: "pipe", typ: tar.TypeFifo}) }, want: archive.ErrDevice, member: "pipe", missing: "pipe"},
		{name: "oversized member", data: func(*sandbox) []byte { return tarOf(t, file("big", strings.Repeat("x", 101))) },
			opts: archive.Options{MaxMember: 100}, want: archive.ErrTooLarge, member: "big", missing: "big"},
		{name: "announced terabyte", data: func(*sandbox) []byte { return tarOf(t, entry{name: "big", typ: tar.TypeReg, size: 1 << 40}) },
			want: archive.ErrTooLarge, member: "big", missing: "big"},
		{name: "oversized total", data: func(*sandbox) []byte {
			return tarOf(t, file("a", strings.Repeat("x", 60)), file("b", strings.Repeat("x", 60)))
		},
			opts: archive.Options{MaxTotal: 100}, want: archive.ErrTooLarge, member: "b", missing: "b"},
		{name: "too many members", data: func(*sandbox) []byte { return tarOf(t, dir("a"), dir("b"), dir("c")) },
			opts: archive.Options{MaxMembers: 2}, want: archive.ErrTooLarge, member: "c", missing: "c"},
		{name: "sparse bomb", data: func(*sandbox) []byte { return sparse(t, 1<<40) }, want: archive.ErrTooLarge, member: "hole", missing: "hole"},
		{name: "endless zeros after the end", data: func(*sandbox) []byte { return gz(append(tarOf(t, dir("a")), make([]byte, 64<<20)...)) },
			opts: archive.Options{MaxTotal: 1 << 20, MaxMembers: 10}, want: archive.ErrTooLarge},
		{name: "xz dictionary of 1.5 GiB", data: func(*sandbox) []byte { b := bytes.Clone(txz); b[16] = 37; return b }, want: archive.ErrTooLarge},
		{name: "content after a directory", data: func(*sandbox) []byte { return withSize(t, dir("d/"), 512) }, want: archive.ErrFormat, member: "d/"},
		{name: "content after a hard link", data: func(*sandbox) []byte { return withSize(t, symlink("l", "x"), 1024) }, want: archive.ErrFormat, member: "l"},
		{name: "two PAX headers", data: func(*sandbox) []byte { return twoPAX(t) }, want: archive.ErrFormat},
		{name: "PAX and GNU headers", data: func(*sandbox) []byte { return paxAndGNU(t) }, want: archive.ErrFormat},
		{name: "global header with a path", data: func(*sandbox) []byte {
			return tarOf(t, entry{name: "g", typ: tar.TypeXGlobalHeader, pax: map[string]string{"path": "../canary/new"}}, file("x", "y"))
		}, want: archive.ErrFormat, missing: "x"},
		{name: "unknown type", data: func(*sandbox) []byte { return tarOf(t, entry{name: "v", typ: 'V'}) }, want: archive.ErrFormat, member: "v"},
		{name: "the root as a link", data: func(*sandbox) []byte { return tarOf(t, symlink("./", "../canary"), file("file", "x")) }, want: archive.ErrFormat, member: "./"},
		{name: "truncated xz", data: func(*sandbox) []byte { return txz[:len(txz)/2] }, want: archive.ErrTruncated},
		{name: "truncated xz index", data: func(*sandbox) []byte { return txz[:len(txz)-10] }, want: archive.ErrTruncated},
		{name: "truncated gzip", data: func(*sandbox) []byte { return gz(plain)[:900] }, want: archive.ErrTruncated},
		{name: "truncated in a member", data: func(*sandbox) []byte { return tarOf(t, file("a", strings.Repeat("x", 2000)))[:1024] }, want: archive.ErrTruncated},
		{name: "truncated between members", data: func(*sandbox) []byte { return tarOf(t, file("a", "x"), file("b", "x"))[:2048] }, want: archive.ErrTruncated},
		{name: "empty", data: func(*sandbox) []byte { return nil }, want: archive.ErrTruncated},
		{name: "corrupt xz", data: func(*sandbox) []byte { return corrupt }, want: archive.ErrFormat},
		{name: "garbage", data: func(*sandbox) []byte { return bytes.Repeat([]byte("not an archive. "), 400) }, want: archive.ErrFormat},
		{name: "wrong hash", data: func(*sandbox) []byte { return txz }, opts: archive.Options{SHA256: sum([]byte("other"))}, want: archive.ErrHashMismatch},
		{name: "shorter than announced", data: func(*sandbox) []byte { return txz }, opts: archive.Options{Size: int64(len(txz)) + 1}, want: archive.ErrTruncated},
		{name: "longer than announced", data: func(*sandbox) []byte { return txz }, opts: archive.Options{Size: int64(len(txz)) - 1}, want: archive.ErrTooLarge},
	}
	for how, base := range extractors(t) {
		for _, c := range cases {
			t.Run(how+"/"+c.name, func(t *testing.T) {
				s := newSandbox(t)
				opts := c.opts
				opts.Extractor, opts.BsdtarPath, opts.Decompressor = base.Extractor, base.BsdtarPath, base.Decompressor
				_, err := extract(c.data(s), s.root, opts)
				if !errors.Is(err, c.want) {
					t.Fatalf("error %v, want %v", err, c.want)
				}
				var me *archive.MemberError
				if c.member != "" && (!errors.As(err, &me) || !strings.HasSuffix(me.Name, c.member)) {
					t.Errorf("error %#v does not name %s", err, c.member)
				}
				if c.missing != "" {
					if _, err := os.Lstat(filepath.Join(s.root, c.missing)); err == nil {
						t.Errorf("%s exists", c.missing)
					}
				}
				s.check(t)
				if testing.Short() {
					return
				}
				fresh := newSandbox(t)
				if _, err := extract(txz, fresh.root, archive.Options{Extractor: base.Extractor, BsdtarPath: base.BsdtarPath, SHA256: sum(txz)}); err != nil {
					t.Errorf("a good archive afterwards: %v", err)
				}
			})
		}
	}
}

// sparse is an old GNU sparse file of the given size with one block of data at
// its beginning (tar(5), "GNU tar archives").
func sparse(t testing.TB, size int64) []byte {
	data := tarOf(t, file("hole", strings.Repeat("x", 512)))
	h := data[:512]
	copy(h[257:265], "ustar  \x00")
	h[156] = tar.TypeGNUSparse
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", 0, 512))
	copy(h[483:], []byte{0x80, 0, 0, 0})
	for i := range 8 {
		h[483+11-i] = byte(size >> (8 * i))
	}
	checksum(h)
	return data
}

// checksum fills in a header's checksum.
func checksum(h []byte) {
	copy(h[148:156], "        ")
	var n int
	for _, b := range h[:512] {
		n += int(b)
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", n))
}

// withSize returns a member with a size, of a type without content.
func withSize(t testing.TB, e entry, size int) []byte {
	data := tarOf(t, e, file("next", strings.Repeat("x", 2048)))
	copy(data[124:136], fmt.Sprintf("%011o\x00", size))
	checksum(data)
	return data
}

// headers returns a member's header blocks without its content.
func headers(t testing.TB, e entry) []byte {
	data := tarOf(t, e)
	return data[:len(data)-1024]
}

func twoPAX(t testing.TB) []byte {
	evil := headers(t, entry{name: "a", typ: tar.TypeDir, pax: map[string]string{"path": "../canary/new", "comment": "x"}})
	evil = evil[:len(evil)-512] // the PAX header alone
	return append(evil, tarOf(t, entry{name: "a", typ: tar.TypeDir, pax: map[string]string{"comment": "x"}})...)
}

func paxAndGNU(t testing.TB) []byte {
	pax := headers(t, entry{name: "a", typ: tar.TypeDir, pax: map[string]string{"path": "../canary/new", "comment": "x"}})
	pax = pax[:len(pax)-512]
	var long bytes.Buffer
	tw := tar.NewWriter(&long)
	if err := tw.WriteHeader(&tar.Header{Name: strings.Repeat("n", 150), Typeflag: tar.TypeDir, Mode: 0o755, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	tw.Close()
	return append(pax, long.Bytes()...)
}

func TestReleaseArchive(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has neither modes nor symbolic links for everybody")
	}
	for how, base := range extractors(t) {
		for _, format := range []string{"txz", "tgz", "tar", "tar.zst"} {
			t.Run(how+"/"+format, func(t *testing.T) {
				data := releasetest.Archive(format, "13.2-RELEASE")
				s := newSandbox(t)
				opts := base
				opts.SHA256, opts.Size = strings.ToUpper(sum(data)), int64(len(data))
				var last int64
				opts.Progress = func(received, total int64) {
					if received < last || total != int64(len(data)) {
						t.Errorf("progress %d of %d after %d", received, total, last)
					}
					last = received
				}
				stats, err := extract(data, s.root, opts)
				if err != nil {
					t.Fatal(err)
				}
				if last != int64(len(data)) || stats.Received != last || stats.SHA256 != sum(data) {
					t.Errorf("progress ended at %d, stats %+v", last, stats)
				}
				compareRelease(t, s.root, "13.2-RELEASE")
				if stats.Members != len(releasetest.Members("13.2-RELEASE")) {
					t.Errorf("stats %+v", stats)
				}
				s.check(t)
			})
		}
	}
}

// compareRelease compares the extracted tree with the members it was made of.
func compareRelease(t *testing.T, root, version string) {
	t.Helper()
	for _, m := range releasetest.Members(version) {
		path := filepath.Join(root, m.Name)
		fi, err := os.Lstat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		switch m.Type {
		case tar.TypeSymlink:
			if link, err := os.Readlink(path); err != nil || link != m.Link {
				t.Errorf("%s -> %q (%v), want %q", m.Name, link, err, m.Link)
			}
			continue
		case tar.TypeLink:
			target, err := os.Lstat(filepath.Join(root, m.Link))
			if err != nil || !os.SameFile(fi, target) {
				t.Errorf("%s and %s are different files", m.Name, m.Link)
			}
			continue
		case tar.TypeReg:
			if body, err := os.ReadFile(path); err != nil || string(body) != m.Body {
				t.Errorf("%s has %q (%v), want %q", m.Name, body, err, m.Body)
			}
		}
		got := int64(fi.Mode().Perm())
		for flag, bit := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
			if fi.Mode()&flag != 0 {
				got |= bit
			}
		}
		if got != m.Mode {
			t.Errorf("%s has mode %o, want %o", m.Name, got, m.Mode)
		}
		if m.Name == "./" {
			continue // bsdtar(1) leaves the time of the directory it works in
		}
		if want := time.Date(2023, time.April, 7, 0, 0, 0, 0, time.UTC); !fi.ModTime().Equal(want) {
			t.Errorf("%s is of %v, want %v", m.Name, fi.ModTime(), want)
		}
	}
}

func TestReplacing(t *testing.T) {
	for how, base := range extractors(t) {
		t.Run(how, func(t *testing.T) {
			s := newSandbox(t)
			// A link and a hard-linked file that stand in the way are replaced,
			// not written through.
			data := tarOf(t,
				symlink("link", "../canary/file"), file("link", "new"),
				file("one", "old"), hard("two", "one"), file("two", "new"),
				symlink("l1", "nowhere"), hard("l2", "l1"),
				dir("d"), file("d/x", "1"), dir("d"), file("implicit/deep/file", "x"),
			)
			if _, err := extract(data, s.root, base); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{"link": "new", "one": "old", "two": "new", "d/x": "1", "implicit/deep/file": "x"} {
				if got, err := os.ReadFile(filepath.Join(s.root, name)); err != nil || string(got) != want {
					t.Errorf("%s has %q (%v), want %q", name, got, err, want)
				}
			}
			if link, err := os.Readlink(filepath.Join(s.root, "l2")); err != nil || link != "nowhere" {
				t.Errorf("l2 -> %q (%v)", link, err)
			}
			s.check(t)
		})
	}
}

func TestPresentLinkIsNotFollowed(t *testing.T) {
	for how, base := range extractors(t) {
		t.Run(how, func(t *testing.T) {
			s := newSandbox(t)
			if err := os.Symlink("../canary", filepath.Join(s.root, "etc")); err != nil {
				t.Skip(err)
			}
			_, err := extract(tarOf(t, dir("bin"), file("etc/file", "x")), s.root, base)
			if !errors.Is(err, archive.ErrThroughSymlink) {
				t.Errorf("error %v", err)
			}
			s.check(t)
		})
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes on Windows")
	}
	data := tarOf(t, entry{name: "ro", typ: tar.TypeDir, mode: 0o500}, entry{name: "ro/none", typ: tar.TypeDir, mode: 0o001},
		file("ro/none/file", "x"), file("ro/file", "x"))
	s := newSandbox(t)
	t.Cleanup(func() {
		os.Chmod(filepath.Join(s.root, "ro"), 0o700)
		os.Chmod(filepath.Join(s.root, "ro/none"), 0o700)
	})
	if _, err := extract(data, s.root, archive.Options{Extractor: archive.ExtractGo}); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Lstat(filepath.Join(s.root, "ro"))
	if err != nil || fi.Mode().Perm() != 0o500 || fi.ModTime().Unix() != 1_600_000_000 {
		t.Errorf("ro: %v, %v (%v)", fi.Mode(), fi.ModTime(), err)
	}
}

func TestSparseFile(t *testing.T) {
	for how, base := range extractors(t) {
		t.Run(how, func(t *testing.T) {
			s := newSandbox(t)
			if _, err := extract(sparse(t, 70_000), s.root, base); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(s.root, "hole"))
			want := append(bytes.Repeat([]byte("x"), 512), make([]byte, 70_000-512)...)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestReaderFails(t *testing.T) {
	data := releasetest.Archive("txz", "13.2-RELEASE")
	cause := errors.New("connection lost")
	for how, opts := range extractors(t) {
		t.Run(how, func(t *testing.T) {
			s := newSandbox(t)
			r := io.MultiReader(bytes.NewReader(data[:500]), failing{cause})
			_, err := archive.Extract(t.Context(), r, s.root, opts)
			if !errors.Is(err, cause) || errors.Is(err, archive.ErrFormat) {
				t.Errorf("error %v", err)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestCancel(t *testing.T) {
	data := releasetest.Archive("tar", "13.2-RELEASE")
	for how, opts := range extractors(t) {
		t.Run(how, func(t *testing.T) {
			s := newSandbox(t)
			ctx, cancel := context.WithCancel(t.Context())
			seen := 0
			opts.Progress = func(int64, int64) {
				if seen++; seen == 3 {
					cancel()
				}
			}
			_, err := archive.Extract(ctx, chunks{bytes.NewReader(data)}, s.root, opts)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			s.check(t)
		})
	}
}

// chunks reads 4 kB at a time.
type chunks struct{ r io.Reader }

func (c chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), 4096)]) }

func TestBadOptions(t *testing.T) {
	for _, opts := range []archive.Options{
		{MaxMember: -1}, {SHA256: "abc"}, {Extractor: "cpio"}, {Decompressor: "brotli"},
	} {
		if _, err := extract(nil, t.TempDir(), opts); err == nil {
			t.Errorf("%+v is accepted", opts)
		}
	}
	if _, err := extract(nil, filepath.Join(t.TempDir(), "missing"), archive.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing root: %v", err)
	}
}

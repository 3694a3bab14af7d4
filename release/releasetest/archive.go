package releasetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Member is one file of the archive.
type Member struct {
	Name string // as in a FreeBSD archive, "./bin/sh"
	Type byte   // of archive/tar
	Mode int64  // permissions, setuid and sticky bits
	Link string // target of a link
	Body string
	Flag string // file flags, for instance "schg"
}

// ModTime is the time of all members, so that archives are the same each time.
var modTime = time.Date(2023, time.April, 7, 0, 0, 0, 0, time.UTC)

// Members returns the members of [Archive] for a version such as "13.2-RELEASE":
// the directories that libioc shares with basejails, a shell, freebsd-version(1),
// rc(8) scripts, a setuid program with a file flag, hard links, and symbolic links
// with relative and absolute targets. Scripts run with any sh(1).
func Members(version string) []Member {
	dir := func(mode int64, names ...string) []Member {
		var m []Member
		for _, n := range names {
			m = append(m, Member{Name: n + "/", Type: tar.TypeDir, Mode: mode})
		}
		return m
	}
	file := func(name string, mode int64, body string) Member {
		return Member{Name: name, Type: tar.TypeReg, Mode: mode, Body: body}
	}
	var m []Member
	m = append(m, dir(0o755, ".", "./bin", "./boot", "./dev", "./etc", "./etc/defaults", "./etc/rc.d", "./lib",
		"./libexec", "./media", "./mnt", "./net", "./proc", "./rescue", "./root", "./sbin", "./usr", "./usr/bin",
		"./usr/include", "./usr/lib", "./usr/lib32", "./usr/libdata", "./usr/libexec", "./usr/local", "./usr/sbin",
		"./usr/share", "./var", "./var/cron", "./var/db", "./var/log", "./var/run")...)
	m = append(m, dir(0o1777, "./tmp", "./var/tmp")...)
	m = append(m, dir(0o555, "./var/empty")...)
	m = append(m,
		file("./COPYRIGHT", 0o444, "A small base for tests.\n"),
		file("./bin/sh", 0o555, "#!/bin/sh\nexec /bin/sh \"$@\"\n"),
		file("./bin/freebsd-version", 0o555, freebsdVersion(version)),
		file("./bin/[", 0o555, "#!/bin/sh\n"),
		Member{Name: "./bin/test", Type: tar.TypeLink, Mode: 0o555, Link: "./bin/["},
		file("./etc/rc", 0o644, "#!/bin/sh\nexit 0\n"),
		file("./etc/rc.shutdown", 0o644, "#!/bin/sh\nexit 0\n"),
		file("./etc/defaults/rc.conf", 0o644, "rc_conf_files=\"/etc/rc.conf /etc/rc.conf.local\"\n"),
		file("./etc/passwd", 0o644, "root:*:0:0:Charlie &:/root:/bin/sh\n"+
			"nobody:*:65534:65534:Unprivileged user:/nonexistent:/usr/sbin/nologin\n"),
		file("./etc/master.passwd", 0o600, "root::0:0::0:0:Charlie &:/root:/bin/sh\n"+
			"nobody:*:65534:65534::0:0:Unprivileged user:/nonexistent:/usr/sbin/nologin\n"),
		file("./etc/group", 0o644, "wheel:*:0:root\noperator:*:5:root\nnobody:*:65534:\n"),
		file("./etc/freebsd-update.conf", 0o644, "KeyPrint 800651ef4b4c71c27e60786d7b487188970f4b4169cc055784e21eb71d410cc5\n"+
			"ServerName update.FreeBSD.org\nComponents src world kernel\n"),
		Member{Name: "./etc/aliases", Type: tar.TypeSymlink, Mode: 0o755, Link: "mail/aliases"},
		Member{Name: "./etc/termcap", Type: tar.TypeSymlink, Mode: 0o755, Link: "/usr/share/misc/termcap"},
		Member{Name: "./lib/libc.so.7", Type: tar.TypeReg, Mode: 0o444, Body: "libc\n", Flag: "schg"},
		file("./libexec/ld-elf.so.1", 0o555, "ld-elf\n"),
		file("./rescue/rescue", 0o555, "rescue\n"),
		Member{Name: "./rescue/sh", Type: tar.TypeLink, Mode: 0o555, Link: "./rescue/rescue"},
		Member{Name: "./rescue/ls", Type: tar.TypeLink, Mode: 0o555, Link: "./rescue/rescue"},
		file("./root/.profile", 0o644, "PATH=/sbin:/bin:/usr/sbin:/usr/bin; export PATH\n"),
		file("./sbin/ping", 0o4555, "ping\n"),
		Member{Name: "./usr/bin/su", Type: tar.TypeReg, Mode: 0o4555, Body: "su\n", Flag: "schg"},
		file("./usr/sbin/freebsd-update", 0o555, "#!/bin/sh\necho \"No updates are available to install.\"\nexit 2\n"),
		file("./usr/sbin/nologin", 0o555, "#!/bin/sh\nexit 1\n"),
		Member{Name: "./sys", Type: tar.TypeSymlink, Mode: 0o755, Link: "usr/src/sys"},
	)
	return m
}

// freebsdVersion is freebsd-version(1) in miniature: "-u" and no option print
// the version of the userland, from a line of the form that updaters edit.
func freebsdVersion(version string) string {
	return "#!/bin/sh\nset -e\n\nUSERLAND_VERSION=\"" + version + "\"\n\n" +
		"case \"$1\" in\n''|-u) echo \"${USERLAND_VERSION}\" ;;\n" +
		"*) echo 'usage: freebsd-version [-u]' >&2; exit 1 ;;\nesac\n"
}

// Archive returns a release's base archive in a format: "txz", "tgz", "tar" or
// "tar.zst" (a leading dot is ignored). It panics on another format. The result
// depends on the arguments only.
func Archive(format, version string) []byte {
	return Pack(format, Members(version))
}

// Pack returns an archive of any members, in the formats of [Archive].
func Pack(format string, members []Member) []byte {
	var out bytes.Buffer
	w := compressor(&out, format)
	tw := tar.NewWriter(w)
	for _, m := range members {
		hdr := &tar.Header{
			Name: m.Name, Typeflag: m.Type, Mode: m.Mode, Linkname: m.Link, Size: int64(len(m.Body)),
			ModTime: modTime, Uname: "root", Gname: "wheel", Format: tar.FormatPAX,
		}
		if m.Flag != "" {
			hdr.PAXRecords = map[string]string{"SCHILY.fflags": m.Flag}
		}
		must(tw.WriteHeader(hdr))
		_, err := io.WriteString(tw, m.Body)
		must(err)
	}
	must(tw.Close())
	must(w.Close())
	return out.Bytes()
}

func compressor(out io.Writer, format string) io.WriteCloser {
	switch strings.TrimPrefix(format, ".") {
	case "txz", "tar.xz":
		w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(out)
		must(err)
		return w
	case "tgz", "tar.gz":
		return gzip.NewWriter(out)
	case "tzst", "tar.zst":
		w, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
		must(err)
		return w
	case "tar":
		return nopCloser{out}
	}
	panic(fmt.Sprintf("releasetest: unknown format %q", format))
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// must panics: writing to memory fails only by a mistake in this package.
func must(err error) {
	if err != nil {
		panic("releasetest: " + err.Error())
	}
}

// Manifest returns the text of a MANIFEST for assets by file name, in the form
// of FreeBSD's: name, SHA-256, number of members (here always 1), name without
// ending, description, default.
func Manifest(assets map[string][]byte) string {
	names := make([]string, 0, len(assets))
	for name := range assets {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		sum := sha256.Sum256(assets[name])
		short, _, _ := strings.Cut(name, ".")
		fmt.Fprintf(&b, "%s\t%s\t1\t%s\t\"%s (test)\"\ton\n", name, hex.EncodeToString(sum[:]), short, short)
	}
	return b.String()
}

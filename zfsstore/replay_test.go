package zfsstore_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
)

var recordings = flag.String("recordings", "", "replay the tools.jsonl files below this directory instead of testdata's")

// recorded is a command line and what a real FreeBSD answered.
type recorded struct {
	Area, Cmd, Stdout, Stderr string
	Exit                      int
	line                      int
}

// sidecar is a line of a file in testdata: a place in a recording and text.
type sidecar struct{ kind, text string }

// readSidecar reads lines "tools.jsonl:LINE KIND TEXT", about each of
// the recordings, of the file beside those that are replayed. Recordings without
// one are as testdata's.
func readSidecar(t *testing.T, name string) map[string][]sidecar {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(recordingRoot(), name))
	if *recordings != "" && errors.Is(err, fs.ErrNotExist) {
		text, err = os.ReadFile(filepath.Join("testdata", name))
	}
	if err != nil {
		t.Fatal(err)
	}
	entries := make(map[string][]sidecar)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		place, rest, _ := strings.Cut(line, " ")
		kind, rest, _ := strings.Cut(rest, " ")
		entries[place] = append(entries[place], sidecar{kind, rest})
	}
	return entries
}

func readRecording(t *testing.T, name string) []recorded {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []recorded
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		var r recorded
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			t.Fatalf("%s:%d: %v", name, n, err)
		}
		r.line = n
		if strings.HasPrefix(r.Area, "zfs: ") || strings.HasPrefix(r.Area, "zpool: ") {
			lines = append(lines, r)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestReplay gives a simulated ZFS the command lines that a real FreeBSD was given, and
// compares answers: exit status, words, sentinel, and what is listed and found
// in files. Lines that no method of a Store can express, and those that differ
// for a reason, are in replay-exceptions.txt beside the recordings, or testdata's.
func TestReplay(t *testing.T) {
	exceptions, setup := readSidecar(t, "replay-exceptions.txt"), readSidecar(t, "replay-setup.txt")
	for _, name := range recordingFiles(t) {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) {
			replayFile(t, readRecording(t, name), exceptions, setup, newReplayer)
		})
	}
}

func recordingRoot() string {
	if *recordings == "" {
		return "testdata"
	}
	return *recordings
}

// recordingFiles are the recordings to be replayed, at least one.
func recordingFiles(t *testing.T) []string {
	root := recordingRoot()
	var files []string
	for _, pattern := range []string{"tools.jsonl", "*/tools.jsonl"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatalf("no recordings in %s", root)
	}
	return files
}

// replayFile replays one recording on what start makes.
func replayFile(t *testing.T, lines []recorded, exceptions, setup map[string][]sidecar, start func(t *testing.T, version string) *replayer) {
	version := ""
	for _, r := range lines {
		if r.Cmd == "zfs version" {
			version, _, _ = strings.Cut(strings.TrimPrefix(r.Stdout, "zfs-"), "-")
		}
	}
	if version == "" {
		t.Fatal("the recording does not tell its zfs version")
	}
	r := start(t, version)
	known := map[string]bool{}
	for _, line := range lines {
		known[fmt.Sprintf("tools.jsonl:%d", line.line)] = true
	}
	for place := range exceptions {
		if !known[place] {
			t.Errorf("an exception names %s, which is not a line of zfs(8) or zpool(8)", place)
		}
	}
	for place := range setup {
		if !known[place] {
			t.Errorf("a preparation names %s, which is not a line of zfs(8) or zpool(8)", place)
		}
	}
	replayed, differing := 0, 0
	for _, line := range lines {
		place := fmt.Sprintf("tools.jsonl:%d", line.line)
		for _, s := range setup[place] {
			if err := r.prepare(s.kind + " " + s.text); err != nil {
				t.Fatalf("%s: %s: %v", place, s.text, err)
			}
		}
		entry := exceptions[place]
		if len(entry) > 0 && entry[0].kind == "untyped" {
			if r.expressible(line.Cmd) {
				t.Errorf("%s: %s can be expressed", place, line.Cmd)
			}
			continue
		}
		replayed++
		difference := r.replay(line)
		switch {
		case len(entry) > 0 && difference == "":
			t.Errorf("%s: %s does not differ: remove the exception", place, line.Cmd)
		case len(entry) > 0:
			differing++
		case difference != "":
			t.Errorf("%s: %.200s\n%s", place, line.Cmd, difference)
		}
	}
	t.Logf("OpenZFS %s: %d lines, %d replayed, %d of them differ for a reason", version, len(lines), replayed, differing)
	if differing*100 > replayed*r.tolerance {
		t.Errorf("%d of %d lines differ, more than %d%%", differing, replayed, r.tolerance)
	}
}

var usageText = regexp.MustCompile(`(?s)usage:\n.*`)

// replay runs one line and says how the answer differs from the recorded one.
func (r *replayer) replay(line recorded) string {
	out := r.shell(line.Cmd)
	if out.unknown != "" {
		return "cannot be expressed: " + out.unknown
	}
	var diff []string
	add := func(format string, values ...any) { diff = append(diff, fmt.Sprintf(format, values...)) }
	if (out.exit == 0) != (line.Exit == 0) {
		add("exit status %d (%v), recorded %d %s", out.exit, out.err, line.Exit, line.Stderr)
	}
	wantText := usageText.ReplaceAllString(line.Stderr, "")
	gotText := usageText.ReplaceAllString(strings.ReplaceAll(out.stderr, r.altroot, ""), "")
	if !sameLines(gotText, wantText) && wantText != "" {
		add("words    %q\nrecorded %q", gotText, wantText)
	}
	if out.err != nil {
		var e *zfsstore.Error
		if !errors.As(out.err, &e) {
			add("%T is no *Error", out.err)
		} else if out.exit != line.Exit {
			add("exit status %d, recorded %d", out.exit, line.Exit)
		}
		if want := wantSentinel(line.Stderr); want == nil || !errors.Is(out.err, want) {
			add("error %v is not %v", out.err, want)
		}
	}
	exact := exactly.MatchString(line.Cmd)
	if got, want := r.masked(out.stdout, out.columns, exact), r.masked(line.Stdout, out.columns, exact); got != want {
		add("output   %q\nrecorded %q", got, want)
	}
	return strings.Join(diff, "\n")
}

// sameLines compares texts whose last lines list datasets in no certain order.
func sameLines(a, b string) bool {
	return slices.Equal(slices.Sorted(strings.Lines(a)), slices.Sorted(strings.Lines(b)))
}

// wantSentinel is the sentinel that a recorded answer stands for, written down
// here once more so that the table in words.go is tested too.
func wantSentinel(stderr string) error {
	for _, w := range []struct {
		pattern string
		err     error
	}{
		{`^cannot create snapshot '.*': dataset already exists|^cannot (create|rename|jail) '.*': dataset already exists`, zfsstore.ErrExists},
		{`parent does not exist`, zfsstore.ErrParentNotFound},
		{`no such pool`, zfsstore.ErrNoPool},
		{`destination '.*' exists`, zfsstore.ErrExists},
		{`does not exist$|does not exist\n|could not find any snapshots`, zfsstore.ErrNotFound},
		{`delimiter|invalid character|slash in name|cannot be a descendant|^usage:\n\tsnapshot`, zfsstore.ErrInvalidName},
		{`invalid property|must be one of|is readonly|too long|must be an absolute path`, zfsstore.ErrInvalidProperty},
		{`out of space`, zfsstore.ErrNoSpace},
		{`dependent clones|clones of previous snapshots exist`, zfsstore.ErrHasDependents},
		{`has children`, zfsstore.ErrHasChildren},
		{`does not apply to pools`, zfsstore.ErrIsPool},
		{`is busy|being held`, zfsstore.ErrBusy},
		{`not a cloned filesystem`, zfsstore.ErrNotClone},
		{`already mounted`, zfsstore.ErrMounted},
		{`operation not applicable`, zfsstore.ErrWrongType},
		{`no mountpoint set|legacy mountpoint`, zfsstore.ErrNoMountpoint},
		{`more recent snapshots`, zfsstore.ErrNewerSnapshots},
		{`incomplete stream|failed to read`, zfsstore.ErrStream},
		{`local zone`, zfsstore.ErrJailed},
		{`invalid jail`, zfsstore.ErrNoJail},
	} {
		if regexp.MustCompile(w.pattern).MatchString(stderr) {
			return w.err
		}
	}
	return nil
}

// varying are properties whose values depend on time, place and blocks.
var varying = map[string]bool{
	"used": true, "avail": true, "available": true, "refer": true, "referenced": true, "creation": true, "guid": true,
	"createtxg": true, "objsetid": true, "size": true, "alloc": true, "free": true, "usedbydataset": true, "usedbysnapshots": true,
	"usedbychildren": true, "usedbyrefreservation": true, "written": true, "logicalused": true, "logicalreferenced": true,
	"compressratio": true, "refcompressratio": true, "volsize": true, "snapshots_changed": true,
}

// rounded are those that zfs-get without -p prints for people, which a Store
// never does.
var rounded = map[string]bool{
	"quota": true, "reservation": true, "recordsize": true, "refquota": true, "refreservation": true,
	"filesystem_limit": true, "snapshot_limit": true, "filesystem_count": true, "snapshot_count": true, "special_small_blocks": true,
	"defaultuserquota": true, "defaultgroupquota": true, "defaultprojectquota": true,
	"defaultuserobjquota": true, "defaultgroupobjquota": true, "defaultprojectobjquota": true,
}

// exactly finds commands that print numbers as they are.
var exactly = regexp.MustCompile(`\b(get|list)\b[^;|&]* -[A-Za-z]*p\b`)

func TestExactly(t *testing.T) {
	for command, want := range map[string]bool{
		"zfs get -H -p all zroot/m1":                  true,
		"zfs list -Hp -o name,used":                   true,
		"zpool list -H -o name,size -p zroot":         true,
		"zfs list -H -o name,used zroot/a-p":          false,
		"zfs create -p zroot/a":                       false,
		"zfs list -H zroot/a && zfs clone -p a@s z/b": false,
	} {
		if got := exactly.MatchString(command); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}

// masked takes out what cannot be equal: varying values and the altroot.
func (r *replayer) masked(text string, columns []string, exact bool) string {
	varies := func(name string) bool { return varying[name] || !exact && rounded[name] }
	text = strings.ReplaceAll(text, r.altroot, "")
	if len(columns) == 0 {
		return text
	}
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		property := slices.Index(columns, "property")
		for i := range fields {
			switch {
			case i >= len(columns):
			case varies(columns[i]), columns[i] == "value" && property >= 0 && property < len(fields) && varies(fields[property]):
				fields[i] = "*"
			case columns[i] == "clones" || columns[i] == "value" && strings.Contains(fields[i], ","):
				parts := strings.Split(fields[i], ",")
				slices.Sort(parts)
				fields[i] = strings.Join(parts, ",")
			}
		}
		out.WriteString(strings.Join(fields, "\t") + "\n")
	}
	return out.String()
}

// TestReplayShell: flags that the shell of the replay does not know were passed over, so that
// a line could pass that says something else; and it knew neither create -u, several
// snapshots at once nor destroy -n.
func TestReplayShell(t *testing.T) {
	r := newReplayer(t, "2.1.9")
	for _, line := range []string{
		"zfs create -X zroot/a", "zfs destroy -v zroot/a", "zfs snapshot -n zroot@a", "zfs send -w zroot@a > /s", "zfs list -j", "zfs set -u atime=off zroot",
	} {
		if out := r.shell(line); out.unknown == "" {
			t.Errorf("%s is understood: %+v", line, out)
		}
	}
	exists := func(name string) bool {
		_, err := r.s.Get(t.Context(), name, zfsstore.GetOptions{})
		return err == nil
	}
	for _, step := range []struct {
		line string
		ok   bool
		name string
		is   bool
	}{
		{"zfs create -u zroot/a", true, "zroot/a", true},
		{"zfs create zroot/b", true, "zroot/b", true},
		{"zfs snapshot zroot/a@1 zroot/b@1", true, "zroot/b@1", true},
		{"zfs snapshot zroot/a@2 zroot/b@1", false, "zroot/a@2", false},
		{"zfs destroy -n zroot/a", false, "zroot/a", true},
		{"zfs destroy -rn zroot/a", true, "zroot/a@1", true},
		{"zfs destroy -n zroot/a@1", true, "zroot/a@1", true},
		{"zfs destroy -n zroot/none", false, "zroot/none", false},
	} {
		out := r.shell(step.line)
		if out.unknown != "" || (out.exit == 0) != step.ok || exists(step.name) != step.is {
			t.Errorf("%s: %+v, %s exists: %v", step.line, out, step.name, exists(step.name))
		}
	}
	if d, err := r.s.Get(t.Context(), "zroot/a", zfsstore.GetOptions{}); err != nil || d.Mounted {
		t.Errorf("create -u has mounted it: %+v %v", d, err)
	}
}

package replaytest

import (
	"encoding/json"
	"flag"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// OwnRecordings are those of the project.
const OwnRecordings = "../testdata/recorded"

// Recordings is the directory whose recordings are replayed.
var Recordings = flag.String("recordings", OwnRecordings, "directory of recordings to replay: RELEASE/*.jsonl, setup.json, exceptions.txt")

// line is one recorded call.
type line struct {
	Case, Call, Flags, Errno, Errmsg, Note string
	Params                                 []string
	OK                                     bool
	Get                                    map[string]string
}

// lineSetup is what a line needs besides itself.
type lineSetup struct {
	Remove  string   // jail_remove: the target's name
	JID     *int     // jail_remove: a jid, of no jail or of a dying one
	Dying   bool     // with jid: it is a dying jail's
	Params  []string // in place of the recorded ones
	Flags   string   // likewise
	Errno   string   // likewise; the line's note has it
	Want    []string // what jail_get asks for, in this order
	Inside  string   // the jail from which the call is made
	Process string   // wait4: which process
	Signal  int      // wait4: what ended it
	Path    string   // readdir and open: of what
	Hold    string   // connect: the jail that has the connection
	Event   string   // kevent: what JailEvents reports instead, "name kind"
	Cannot  string   // why no typed call can say it
	Lacks   string   // the recorded kernel lacked this parameter: not for one that has it
	Do      []string // before the line
	After   []string // after the line, also when it cannot be replayed
}

// Setup is what the lines of a file need besides themselves.
type Setup struct {
	Tree     []string
	FirstJID int `json:"first_jid"`
	Lines    map[string]lineSetup
	// borrowed is of a recording that has no entry of its own, so that
	// exceptions.txt cannot know what no typed call can say.
	borrowed bool
}

// Lender is the release whose entries others borrow.
const Lender = "13.2"

// RecordedFiles returns the recordings of a release, or of all for "*", as
// "13.2/jail.jsonl", in order, each with what it needs.
func RecordedFiles(t *testing.T, release string) iter.Seq2[string, Setup] {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(*Recordings, "setup.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]Setup
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(*Recordings, release, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings of %s in %s: %v", release, *Recordings, err)
	}
	return func(yield func(string, Setup) bool) {
		for _, file := range files {
			rel := filepath.ToSlash(strings.TrimPrefix(file, filepath.Clean(*Recordings)+string(filepath.Separator)))
			fs, own := all[rel]
			if lent, ok := all[path.Join(Lender, path.Base(rel))]; ok && !own {
				fs, fs.borrowed = lent, true
				t.Logf("setup.json has no entry for %s, that of %s is used", rel, Lender)
			}
			if !yield(rel, fs) {
				return
			}
		}
	}
}

// ReadExceptions reads "release/file:line reason" lines.
func ReadExceptions(t *testing.T, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	b, err := os.ReadFile(filepath.Join(*Recordings, name))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(b)) {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		key, reason, ok := strings.Cut(l, " ")
		if !ok || out[key] != "" {
			t.Errorf("%s: %q needs a reason and may be there once", name, l)
		}
		out[key] = reason
	}
	return out
}

package rcconf

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"sort"
	"strings"
	"testing"
)

// recording is one run of `sysrc -f` on FreeBSD 13.2.
type recording struct {
	Name    string   `json:"name"`
	Content string   `json:"content"`
	Op      []string `json:"op"`
	Exit    int      `json:"exit"`
	Stdout  string   `json:"stdout"`
	Stderr  string   `json:"stderr"`
	After   *string  `json:"after"`
}

func readRecordings(t *testing.T) []recording {
	t.Helper()
	data, err := os.ReadFile("testdata/sysrc.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var list []recording
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		var r recording
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	if len(list) != 264 {
		t.Fatalf("%d recordings, want 264", len(list))
	}
	return list
}

// The reasons not to do what sysrc did.
const (
	quotes    = "sysrc writes the value without escapes, or refuses because that breaks the file"
	multiLine = "sysrc edits the first line of a value only, or refuses to"
	noEffect  = "sysrc writes into the words of a command, where nothing is assigned"
	carriage  = "sysrc leaves the old value's carriage return after the new value"
	executes  = "sysrc runs the command in the value; this package never does"
)

// exception returns the reason for a recording that is not followed.
func exception(r recording) string {
	op := r.Op[0]
	special := op == "set" && (strings.Contains(r.Op[2], `"`) || strings.Contains(r.Op[2], "$"))
	apostrophe := op == "set" && strings.Contains(r.Op[2], "'")
	edits := op == "set" && r.Op[1] == "a"
	switch {
	case r.Exit == 1 && r.Name == "unterminated":
		return ""
	case r.Name == "tabs" && edits:
		return noEffect
	case (r.Name == "continued" || r.Name == "multiline") && edits:
		return multiLine
	case r.Name == "crlf" && edits:
		return carriage
	case r.Name == "backtick" && (op == "get" && r.Op[1] == "a" || op == "all"):
		return executes
	case r.Name == "escaped" && edits:
		return quotes
	case special && (r.Name != "single"), apostrophe && r.Name == "single":
		return quotes
	}
	return ""
}

func TestSysrc(t *testing.T) {
	followed, excepted := 0, map[string]int{}
	for _, r := range readRecordings(t) {
		if r.Op[0] == "app" || r.Op[0] == "del" {
			continue // this package neither appends nor deletes
		}
		t.Run(r.Name+"/"+strings.Join(r.Op, " "), func(t *testing.T) {
			f, err := Parse([]byte(r.Content))
			if err != nil {
				if !strings.Contains(r.Stderr, "Syntax error") {
					t.Fatalf("%v, sysrc: %s", err, r.Stderr)
				}
				followed++
				return
			}
			if strings.Contains(r.Stderr, "Exiting due to previous syntax errors") {
				t.Fatal("sysrc finds a syntax error")
			}
			if reason := exception(r); reason != "" {
				excepted[reason]++
				// A deviation must be one: doing as sysrc did would be wrong.
				if same := follow(t, f, r, false); same {
					t.Errorf("listed as an exception (%s) but does as sysrc", reason)
				}
				return
			}
			followed++
			follow(t, f, r, true)
		})
	}
	t.Logf("%d followed, excepted: %v", followed, excepted)
}

// follow makes the operation and compares with the recording; must reports a
// difference as a failure.
func follow(t *testing.T, f *File, r recording, must bool) bool {
	t.Helper()
	same := true
	differ := func(format string, args ...any) {
		same = false
		if must {
			t.Errorf(format, args...)
		}
	}
	failed := false
	switch op := r.Op; op[0] {
	case "get":
		got, ok := f.Get(op[1])
		failed = !ok
		if want := strings.TrimSuffix(r.Stdout, "\n"); ok && got != want {
			differ("got %q, want %q", got, want)
		}
	case "set":
		failed = f.Set(op[1], op[2]) != nil
	case "all":
		var want []string
		for line := range strings.Lines(r.Stdout) {
			// The multi-line value's second line has no name.
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			if !ok {
				want[len(want)-1] += "\n" + name
				continue
			}
			want = append(want, name+": "+value)
		}
		if got := all(f); strings.Join(got, "|") != strings.Join(want, "|") {
			differ("got %q, want %q", got, want)
		}
	}
	if failed != (r.Exit != 0) {
		differ("failed %v, sysrc exited with %d", failed, r.Exit)
	}
	if r.Op[0] == "get" || r.Op[0] == "all" || r.Exit != 0 {
		return same
	}
	want := r.Content
	if r.After != nil {
		want = *r.After
	}
	g, err := Parse([]byte(want))
	if err != nil {
		differ("sysrc's result is unreadable: %v", err)
		return same
	}
	if got, want := strings.Join(all(f), "|"), strings.Join(all(g), "|"); got != want {
		differ("means %q, sysrc's means %q", got, want)
	}
	// The text is the same too, but for a final newline and blanks.
	if got := string(f.Bytes()); must && got != want && strings.TrimSuffix(want, "\n") != got {
		differ("text %q, sysrc's %q", got, want)
	}
	if got := string(f.Bytes()); !must && got != want {
		same = false
	}
	return same
}

func all(f *File) []string {
	var list []string
	for _, name := range f.Names() {
		value, ok := f.Get(name)
		if !ok {
			value = "dynamic"
		}
		list = append(list, name+": "+value)
	}
	sort.Strings(list)
	return list
}

// TestShell asks the machine's own sh what it reads back. Every POSIX system
// has one; the test of a system without it is that there is none.
func TestShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh(1) on this system")
	}
	values := []string{"plain", "two words", `q"uote`, "ap'ostrophe", "dol$lar ${x} $(x)", "back`tick`", `back\slash\\`, "", "  ", "#x", "tab\there", "new\nline", "!x*?[a]", "~", `\`, "é", "a;b&c|d"}
	for _, content := range []string{"", "a='x y'\n", "a=1 # c\n", "a=\"x\\\ny\"\nb=1", "export a=1\n", "a=1; b=2\n", "if true; then\na=1\nfi\n", "a=`echo x`\n"} {
		for _, value := range values {
			f, err := Parse([]byte(content))
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Set("a", value); err != nil {
				t.Fatalf("%q: %v", content, err)
			}
			cmd := exec.Command(sh, "-c", `. /dev/stdin; printf '%s.' "$a"`)
			cmd.Stdin = bytes.NewReader(f.Bytes())
			out, err := cmd.Output()
			if err != nil || string(out) != value+"." {
				t.Errorf("%q set to %q: sh reads %q, %v", content, value, out, err)
			}
		}
	}
}

package devfs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func parseFile(t testing.TB, name string) *File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	f := Parse(name, data)
	if !bytes.Equal(f.Marshal(), data) {
		t.Fatalf("%s changed by a load and save", name)
	}
	return f
}

func TestParseLocal(t *testing.T) {
	got := parseFile(t, "local.rules").Rulesets()
	if len(got) != 2 {
		t.Fatalf("%d rulesets", len(got))
	}
	want := Ruleset{
		Name: "cameras", Number: 7, Comment: "for the video jails",
		Position: Position{"local.rules", 3, "cameras", 7},
		Rules: []Rule{
			{Number: 200, Path: "video*", Mode: 0o660, HasMode: true, Group: "webcamd", Visibility: Unhide},
			{Number: 50, Include: Ref{Name: "devfsrules_jail"}},
			{Types: Disk, Path: "da[0-9]*", Visibility: Hide},
		},
	}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got  %+v\nwant %+v", got[0], want)
	}
	var syntax *SyntaxError
	if !errors.As(got[1].Err, &syntax) || !errors.Is(got[1].Err, ErrSyntax) || syntax.Line != 12 || syntax.Text != "delset" {
		t.Errorf("the broken ruleset has error %v", got[1].Err)
	}
	if len(got[1].Rules) != 1 {
		t.Errorf("the broken ruleset has rules %v", got[1].Rules)
	}
}

// Before, each of these lines made the whole file unreadable.
func TestBrokenRulesetIsAloneUnusable(t *testing.T) {
	tests := []struct {
		text   string
		line   int
		name   string
		number uint16
	}{
		{"# c\n\nadd hide\n", 3, "", 0},
		{"\ufeff# c\n", 1, "", 0},
		{"\ufeff[b=30]\nadd hide\n", 1, "b", 30},
		{"\ufeff[b=30] x\n", 1, "b", 30},
		{"\n[b]\nadd hide\n", 2, "b", 0},
		{"[=30]", 1, "", 30},
		{"[b=]", 1, "b", 0},
		{"[b=0]", 1, "b", 0},
		{"[b=65536]", 1, "b", 0},
		{"[b c=30]", 1, "", 30},
		{"[b=30x]", 1, "b", 0},
		{"[b=30", 1, "b", 30},
		{"[b", 1, "b", 0},
		{"[", 1, "", 0},
		{"[]=30", 1, "", 0},
		{"[b=30] add hide", 1, "b", 30},
		{"[ b = 30 ]", 1, "b", 30},
		{"[b=30]\n[c]x=1\nadd hide", 2, "c", 0},
	}
	for _, tt := range tests {
		good := "[good=9]\nadd path null unhide\n"
		f := Parse("f", []byte(tt.text+"\n"+good))
		var broken []Ruleset
		for _, rs := range f.Rulesets() {
			if rs.Err != nil {
				broken = append(broken, rs)
			}
		}
		if len(broken) != 1 || broken[0].Name != tt.name || broken[0].Number != tt.number {
			t.Errorf("%q: broken are %+v", tt.text, broken)
			continue
		}
		var syntax *SyntaxError
		if err := broken[0].Err; !errors.As(err, &syntax) || syntax.Line != tt.line || syntax.File != "f" {
			t.Errorf("%q: %v, want line %d", tt.text, err, tt.line)
		}
		s := NewSet([]*File{parseFile(t, "defaults.rules")}, f)
		for _, usable := range []string{"9", "good", "4", "5"} {
			rs, err := s.Lookup(usable)
			if err == nil {
				_, err = s.Flatten(rs)
			}
			if err != nil {
				t.Errorf("%q: ruleset %s: %v", tt.text, usable, err)
			}
		}
		asked := []string{tt.name}
		if tt.number != 0 {
			asked = append(asked, strconv.Itoa(int(tt.number)))
		}
		for _, name := range asked {
			if name == "" {
				continue
			}
			rs, err := s.Lookup(name)
			if err == nil {
				_, err = s.Flatten(rs)
			}
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("%q: asked for %s: %v", tt.text, name, err)
			}
		}
		var missing *NotFoundError
		if _, err := s.Lookup("77"); !errors.As(err, &missing) || (missing.Unread != nil) != (tt.number == 0) {
			t.Errorf("%q: what was not found may be the unread one: %v", tt.text, err)
		}
	}
}

func TestAppend(t *testing.T) {
	ruleset := Ruleset{Name: "n", Number: 9, Comment: "c", Rules: []Rule{{Path: "it's *", Visibility: Unhide}, {Include: Ref{Number: 4}}}}
	added := "[n=9] # c\nadd path 'it'\\''s *' unhide\nadd include 4\n"
	for before, between := range map[string]string{
		"":               "",
		"# c":            "\n\n",
		"# c\n":          "\n",
		"[a=1]\n\n":      "",
		"[a=1]\nadd x\\": "\n\n",
	} {
		f := Parse("f", []byte(before))
		if err := f.Append(ruleset); err != nil {
			t.Errorf("after %q: %v", before, err)
		}
		if got, want := string(f.Marshal()), before+between+added; got != want {
			t.Errorf("after %q:\ngot  %q\nwant %q", before, got, want)
		}
		again := Parse("f", f.Marshal())
		if !bytes.Equal(again.Marshal(), f.Marshal()) {
			t.Error("a second save differs")
		}
		if got := again.Rulesets(); !reflect.DeepEqual(got[len(got)-1].Rules, ruleset.Rules) {
			t.Errorf("read back as %+v", got)
		}
	}
	f := Parse("f", []byte("[a=1]\nadd hide\n"))
	for _, bad := range []Ruleset{
		{Name: "a", Number: 2}, {Name: "b", Number: 1}, {Name: "b"}, {Name: "b c", Number: 2},
		{Name: "b", Number: 2, Comment: "x\nadd hide"},
		{Name: "b", Number: 2, Rules: []Rule{{}}},
		{Name: "b", Number: 2, Rules: []Rule{{Path: "a\nadd hide", Visibility: Hide}}},
		{Name: "b", Number: 2, Rules: []Rule{{Path: strings.Repeat("x", MaxPath+1), Visibility: Hide}}},
	} {
		if err := f.Append(bad); !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrDuplicate) {
			t.Errorf("%+v: %v", bad, err)
		}
		if got := string(f.Marshal()); got != "[a=1]\nadd hide\n" {
			t.Fatalf("a refused ruleset changed the file: %q", got)
		}
	}
}

func TestRules(t *testing.T) {
	tests := []struct {
		text  string
		rule  Rule
		canon string
	}{
		{"add hide", Rule{Visibility: Hide}, "add hide"},
		{"add path bpf* unhide", Rule{Path: "bpf*", Visibility: Unhide}, "add path 'bpf*' unhide"},
		{`add path "a b" hide#x`, Rule{}, ""},
		{`add unhide path "a \"b" # x`, Rule{Path: `a "b`, Visibility: Unhide}, `add path 'a "b' unhide`},
		{`add path a\ b hide`, Rule{Path: "a b", Visibility: Hide}, "add path 'a b' hide"},
		{"\tadd\t7 mode 0 user root group 5", Rule{Number: 7, HasMode: true, User: "root", Group: "5"}, "add 7 user root group 5 mode 0000"},
		{"add type mem type tape hide", Rule{Types: Mem | Tape, Visibility: Hide}, "add type tape type mem hide"},
		{"add include $a_b", Rule{Include: Ref{Name: "a_b"}}, "add include $a_b"},
		{"add include ${a}", Rule{Include: Ref{Name: "a"}}, "add include $a"},
		{"add include 4", Rule{Include: Ref{Number: 4}}, "add include 4"},
		{"add path 100 hide", Rule{Path: "100", Visibility: Hide}, "add path 100 hide"},
	}
	for _, tt := range tests {
		got, err := ParseRule(tt.text)
		if tt.canon == "" {
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("%q: %+v, %v", tt.text, got, err)
			}
			continue
		}
		if err != nil || got != tt.rule || got.String() != tt.canon {
			t.Errorf("%q: %+v %q, %v", tt.text, got, got, err)
		}
	}
	for _, bad := range []string{
		"", "hide", "add", "add 70000 hide", "add nonsense", "add path", "add path ''", "add path 'x hide", `add path x\`,
		"add hide unhide", "add path a path b hide", "add type floppy hide", "add mode 9 path a", "add mode 17777",
		"add include 0", "add include x", "add include ${x", "add include $", "add user '' hide", "add path " + strings.Repeat("x", 200),
	} {
		if r, err := ParseRule(bad); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q was read as %+v", bad, r)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"defaults.rules", "local.rules", "group.rules", "twice.rules"} {
		f.Add(parseFile(f, name).Marshal())
	}
	f.Add([]byte("\ufeff[a=1]\nadd hide\n[b]\n[c=3] x\n[c=3]\nadd include $a\n[a=4]\nadd include $c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Parse("f", data)
		if !bytes.Equal(file.Marshal(), data) {
			t.Fatal("changed by a load and save")
		}
		set := NewSet(nil, file)
		for _, rs := range set.Rulesets() {
			_, _ = set.Flatten(rs) // ends
			if rs.Number == 0 && rs.Err == nil {
				t.Fatalf("%+v has no number", rs)
			}
			if again, err := set.Lookup(strconv.Itoa(int(rs.Number))); rs.Number != 0 && (err != nil || again.Position != rs.Position) {
				t.Fatalf("%+v is found as %+v, %v", rs, again, err)
			}
		}
		for _, rs := range file.Rulesets() {
			if rs.Name == "" || rs.Number == 0 {
				continue
			}
			copied := &File{}
			if err := copied.Append(Ruleset{Name: rs.Name, Number: rs.Number, Rules: rs.Rules}); err != nil {
				t.Fatalf("%+v cannot be written: %v", rs, err)
			}
			if got := copied.Rulesets()[0]; got.Err != nil || !reflect.DeepEqual(got.Rules, rs.Rules) {
				t.Fatalf("%+v became %+v", rs.Rules, got)
			}
		}
	})
}

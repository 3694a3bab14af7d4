package zfsstore

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

// recordedOutput is the standard output of a line of a recording.
func recordedOutput(t testing.TB, cmd string) string {
	t.Helper()
	f, err := os.ReadFile("testdata/13.2/tools.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(f)) {
		if strings.Contains(line, `"cmd": "`+cmd+`"`) {
			var r struct{ Stdout string }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			return r.Stdout
		}
	}
	t.Fatalf("%s was not recorded", cmd)
	return ""
}

func TestParseAll(t *testing.T) {
	p := newParser("", []string{AllProperties})
	output := recordedOutput(t, "zfs get -H -p all zroot/m1")
	found, err := p.parse(strings.NewReader(output))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	d := found[0]
	if d.Name != "zroot/m1" || d.Type != Filesystem || d.GUID != 10796874566674648062 || d.CreateTXG != 14 ||
		!d.Creation.Equal(time.Unix(1795255645, 0)) || d.Mountpoint != "/m1" || !d.Mounted || d.Used != 24576 ||
		d.Available != 20270203392 || d.Referenced != 24576 {
		t.Errorf("read %+v", d)
	}
	if got := d.Properties["mountpoint"]; got != (Property{Value: "/m1", Source: SourceLocal}) {
		t.Errorf("mountpoint %+v", got)
	}
	if lines := strings.Count(output, "\n"); len(d.Properties) != lines {
		t.Errorf("%d properties of %d lines", len(d.Properties), lines)
	}
	if p.needsCheck {
		t.Error("a check is wanted of output that can be read in one way only")
	}
}

// listing prints the lines of one dataset as zfs get does.
func listing(name, note string) string {
	var out strings.Builder
	values := map[string]string{"type": "filesystem", "guid": "1", "mountpoint": "/" + name, "mounted": "yes", "createtxg": "5", "org.test:note": note}
	for _, property := range cmdline.Asked([]string{"org.test:note"}) {
		value, source := values[property], "-"
		if value == "" && property != "org.test:note" {
			value = "-"
		}
		if property == "org.test:note" {
			source = "local"
		}
		out.WriteString(name + "\t" + property + "\t" + value + "\t" + source + "\n")
	}
	return out.String()
}

func TestParse(t *testing.T) {
	two := listing("p/a", "x") + listing("p/b", "y")
	for _, test := range []struct {
		name, output string
		names        []string
		ambiguous    bool
	}{
		{"nothing", "", nil, false},
		{"two", two, []string{"p/a", "p/b"}, false},
		{"a name twice", listing("p/a", "x") + listing("p/a", "y"), nil, true},
		{"cut short", two[:len(two)-len("p/b\tcreatetxg\t5\t-\n")], nil, true},
		{"a record in a value", listing("p/a", "x\tlocal\np/b\tguid\t9\t-"), nil, true},
		{"a dataset in a value", listing("p/a", "x\tlocal\np/a\tcreatetxg\t5\t-\n"+strings.TrimSuffix(listing("p/x", "z"), "\n")), nil, true},
		{"tabs and newlines", listing("p/a", "\t\n\t\n") + listing("p/b", ""), []string{"p/a", "p/b"}, false},
	} {
		found, err := newParser("", []string{"org.test:note"}).parse(strings.NewReader(test.output))
		var names []string
		for _, d := range found {
			names = append(names, d.Name)
		}
		if errors.Is(err, errAmbiguous) != test.ambiguous || !test.ambiguous && (err != nil || !slices.Equal(names, test.names)) {
			t.Errorf("%s: %q, %v", test.name, names, err)
		}
	}
	for _, nonsense := range []string{"\n", "x", "a\tb\tc\td\n", "p/a\ttype\tfilesystem\n", "p/a\ttype\tfilesystem\t-\np/a\tguid\tmany\t-\n"} {
		if found, err := newParser("", nil).parse(strings.NewReader(nonsense)); err == nil {
			t.Errorf("%q was read as %v", nonsense, found)
		}
	}
}

func TestClassify(t *testing.T) {
	for text, want := range map[string]error{
		"cannot open 'dataset is busy': dataset does not exist\n":                              ErrNotFound,
		"cannot create 'p/already exists': parent does not exist\n":                            ErrParentNotFound,
		"cannot destroy snapshot p/has children@x: dataset is busy\n":                          ErrBusy,
		"cannot mount 'p/a': 'canmount' property is set to 'off'\n":                            ErrNoMountpoint,
		"cannot destroy snapshot p@1: it's being held. Run 'zfs holds -r p@1' to see holders.": ErrBusy,
		"cannot create 'p/a': permission denied\n":                                             ErrPermission,
		"cannot unmount '/p/a': Operation not permitted\n":                                     ErrPermission,
		"usage:\n\tthe dataset is busy":                                                        nil,
		"":                                                                                     nil,
	} {
		if got := classify(text); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

// FuzzParse checks that output of any kind is read without a panic, that what
// is accepted names each dataset once, and that a value is found again.
func FuzzParse(f *testing.F) {
	f.Add(listing("p/a", "x")+listing("p/b", "y"), "note")
	f.Add(recordedOutput(f, "zfs get -H -p all zroot/m1"), "a\tb\nc")
	f.Add("p\ttype\tfilesystem\t-\n", "x\tlocal\np/a\tcreatetxg\t5\t-")
	f.Fuzz(func(t *testing.T, output, note string) {
		for _, properties := range [][]string{nil, {AllProperties}, {"org.test:note"}} {
			for _, only := range []string{"", "p/a"} {
				found, err := newParser(only, properties).parse(strings.NewReader(output))
				if err != nil {
					continue
				}
				seen := make(map[string]bool)
				for _, d := range found {
					if seen[d.Name] || only != "" && d.Name != only {
						t.Errorf("%q holds %q twice or wrongly", output, d.Name)
					}
					seen[d.Name] = true
				}
			}
		}
		// Whatever a value is, it is not taken for another dataset.
		found, err := newParser("", []string{"org.test:note"}).parse(strings.NewReader(listing("p/a", note) + listing("p/b", "honest")))
		if err != nil {
			return
		}
		if len(found) != 2 || found[1].Name != "p/b" || found[1].Properties["org.test:note"].Value != "honest" {
			t.Errorf("with %q in p/a: %+v", note, found)
		}
		if got := found[0].Properties["org.test:note"].Value; got != note {
			t.Errorf("value %q, want %q", got, note)
		}
	})
}

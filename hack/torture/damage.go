package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// damage is done to one file of the state directory, drawn before it is known which
// there are.
type damage struct{ kind, file, other int }

func drawDamage(r *rand.Rand) damage {
	return damage{kind: r.IntN(len(damages)), file: r.IntN(1 << 20), other: r.IntN(1 << 20)}
}

// damages are what an older boot environment, a full disk, a power loss or an
// editor make of a journal or a network record.
var damages = []struct {
	name string
	// aside: the file cannot be understood and is set aside.
	aside bool
	do    func(data []byte) []byte
}{
	{"truncate", false, func(data []byte) []byte { return data[:len(data)/2] }},
	{"empty", false, func([]byte) []byte { return nil }},
	{"garbage", true, func([]byte) []byte { return []byte("\x00\xff not a line of JSON\n{}\n") }},
	{"newer version", true, func(data []byte) []byte {
		return []byte(strings.ReplaceAll(string(data), `"version":1`, `"version":99`))
	}},
	{"duplicate", false, nil},
	{"older copy", false, nil},
}

// damaged is what was done.
type damaged struct {
	what string
	path string
	// aside: it has to be set aside.
	aside bool
	// stale: a journal of a finished operation, which must change nothing.
	stale bool
}

// do damages one of the journals and network records, or brings back one of the
// older copies of journals. There may be none.
func (d damage) do(m *machine, copies string) (done damaged, ok bool, err error) {
	kind := damages[d.kind]
	journals := filepath.Dir(m.JournalPath(m.source.Name, "jail", "x"))
	if kind.name == "older copy" {
		old, err := filepath.Glob(filepath.Join(copies, "*.journal"))
		if err != nil || len(old) == 0 {
			return done, false, err
		}
		from := old[d.file%len(old)]
		name, _, _ := strings.Cut(filepath.Base(from), ".")
		path := filepath.Join(journals, name+".journal")
		if _, err := os.Lstat(path); err == nil {
			return done, false, nil // one that is needed
		}
		return damaged{what: "older copy of " + name + ".journal", path: path, stale: true}, true, copyFile(from, path)
	}
	files, err := filepath.Glob(filepath.Join(journals, "*.journal"))
	records, rerr := filepath.Glob(filepath.Join(m.JournalDir(m.source.Name, "network"), "*.json"))
	files = append(files, records...)
	if err = errors.Join(err, rerr); err != nil || len(files) == 0 {
		return done, false, err
	}
	path := files[d.file%len(files)]
	done = damaged{what: kind.name + " " + filepath.Base(path), path: path}
	if kind.name == "duplicate" {
		done.path = filepath.Join(filepath.Dir(path), names[d.other%len(names)]+filepath.Ext(path))
		if _, err := os.Lstat(done.path); err == nil {
			return done, false, nil
		}
		done.what += " as " + filepath.Base(done.path)
		return done, true, copyFile(path, done.path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return done, false, err
	}
	changed := kind.do(data)
	done.aside = kind.aside && filepath.Ext(path) == ".journal"
	return done, string(changed) != string(data), os.WriteFile(path, changed, 0o600)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// notAside returns those damaged journals that were not set aside as *.bad, and
// removes all that were.
func notAside(m *machine, all []damaged) (wrong []string, err error) {
	for _, d := range all {
		bad, err := filepath.Glob(strings.TrimSuffix(d.path, filepath.Ext(d.path)) + ".*bad")
		if err != nil {
			return nil, err
		}
		if d.aside && len(bad) == 0 {
			wrong = append(wrong, d.what+": was not set aside")
		}
	}
	for _, kind := range []string{"jail", "network"} {
		bad, gerr := filepath.Glob(filepath.Join(m.JournalDir(m.source.Name, kind), "*.bad"))
		err = errors.Join(err, gerr)
		for _, path := range bad {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return wrong, err
}

// keepCopies keeps the journals, to be brought back in a later round.
func keepCopies(journals map[string]string, copies string, round int) error {
	if err := os.MkdirAll(copies, 0o700); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(journals)) {
		name := strings.TrimSuffix(filepath.Base(path), ".journal")
		// The newest few of each are enough.
		to := filepath.Join(copies, fmt.Sprintf("%s.%d.journal", name, round%5))
		if err := os.WriteFile(to, []byte(journals[path]), 0o600); err != nil {
			return err
		}
	}
	return nil
}

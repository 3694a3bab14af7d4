package main

import (
	"bytes"
	"encoding/json"
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

func (d damage) String() string { return damages[d.kind].name }

// damages are what an older boot environment, a full disk, a power loss or an
// editor make of a journal or a network record.
var damages = []struct {
	name string
	do   func(data string) string
}{
	{"truncate", func(data string) string { return data[:len(data)/2] }},
	{"empty", func(string) string { return "" }},
	{"garbage", func(string) string { return "\x00\xff not a line of JSON\n{}\n" }},
	{"newer version", func(data string) string {
		return strings.ReplaceAll(data, `"version":1`, `"version":99`)
	}},
	{"unknown kind", func(data string) string {
		return strings.Replace(data, `"kind":"`, `"kind":"`+newerKind, 1)
	}},
	{duplicate, nil},
	{olderCopy, nil},
}

// The damages that need more than the file.
const duplicate, olderCopy = "duplicate", "older copy"

// newerKind begins the name of a step that only a newer version knows.
const newerKind = "newer "

// unreadable reports whether the file cannot be understood and is to be set aside. A
// journal that ends before its first line does is of an operation that had not begun.
func unreadable(path, data string) bool {
	if filepath.Ext(path) == recordSuffix {
		return !json.Valid([]byte(data))
	}
	header, _, whole := strings.Cut(data, "\n")
	if !whole {
		return data != "" && data[0] != '{'
	}
	var h struct {
		Version int
		Plan    struct{ Steps []struct{ Kind string } }
	}
	if err := json.Unmarshal([]byte(header), &h); err != nil || h.Version != 1 {
		return true
	}
	return strings.Contains(header, `"kind":"`+newerKind)
}

// The ends of the names of journals and of network records.
const journalSuffix, recordSuffix = ".journal", ".json"

// damaged is what was done.
type damaged struct {
	what string
	kind string // of the directory
	path string
	// aside: it has to be set aside.
	aside bool
	// stale: of a finished operation or an ended jail, which must change nothing.
	stale bool
}

// stateKinds are the directories of the state directory, with the names that a file
// may have there.
var stateKinds = []struct {
	kind, suffix string
	names        []string
}{
	{"jail", journalSuffix, names},
	{"release", journalSuffix, []string{jailRelease, otherRelease}},
	{"network", recordSuffix, names},
}

// stateFiles returns the journals and network records, sorted.
func (m *machine) stateFiles() (paths []string, err error) {
	for _, k := range stateKinds {
		found, gerr := filepath.Glob(filepath.Join(m.JournalDir(m.source.Name, k.kind), "*"+k.suffix))
		paths, err = append(paths, found...), errors.Join(err, gerr)
	}
	return paths, err
}

// do damages one of the journals and network records, or brings back one of the
// older copies. There may be none.
func (d damage) do(m *machine, copies string) (done damaged, ok bool, err error) {
	kind := damages[d.kind]
	if kind.name == olderCopy {
		return d.bringBack(m, copies)
	}
	files, err := m.stateFiles()
	if err != nil || len(files) == 0 {
		return done, false, err
	}
	path := files[d.file%len(files)]
	data, err := os.ReadFile(path)
	if err != nil {
		return done, false, err
	}
	of := filepath.Base(filepath.Dir(path))
	done = damaged{what: kind.name + " " + of + "/" + filepath.Base(path), kind: of, path: path}
	changed := string(data)
	if kind.name == duplicate {
		for _, k := range stateKinds {
			if k.kind == of {
				done.path = filepath.Join(filepath.Dir(path), k.names[d.other%len(k.names)]+k.suffix)
			}
		}
		if _, err := os.Lstat(done.path); err == nil {
			return done, false, nil
		}
		// It says itself whose it is, unless it says nothing.
		done.aside = unreadable(path, changed) || bytes.ContainsRune(data, '\n')
		done.what += " as " + filepath.Base(done.path)
	} else {
		changed = kind.do(changed)
		if changed == string(data) {
			return done, false, nil
		}
		done.aside = unreadable(path, changed)
	}
	written, err := overwrite(done.path, changed)
	if !written {
		done.aside = false
	}
	return done, true, err
}

// overwrite replaces what a file holds. On a full disk the file may be empty then, or
// not exist.
func overwrite(path, data string) (written bool, err error) {
	err = os.WriteFile(path, []byte(data), 0o600)
	if noSpace(err) {
		return false, nil
	}
	return err == nil, err
}

// bringBack copies an older copy to a path where no file is now.
func (d damage) bringBack(m *machine, copies string) (done damaged, ok bool, err error) {
	old, err := filepath.Glob(filepath.Join(copies, "*", "*"))
	if err != nil || len(old) == 0 {
		return done, false, err
	}
	from := old[d.file%len(old)]
	of, file := filepath.Base(filepath.Dir(from)), filepath.Base(from)
	name, _, _ := strings.Cut(file, " ")
	path := filepath.Join(m.JournalDir(m.source.Name, of), name+filepath.Ext(file))
	if _, err := os.Lstat(path); err == nil {
		return done, false, nil // one that is needed
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return done, false, err
	}
	done = damaged{what: olderCopy + " of " + of + "/" + filepath.Base(path), kind: of, path: path, stale: true}
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
		_, err = overwrite(path, string(data))
	}
	if noSpace(err) {
		return done, false, nil
	}
	return done, true, err
}

// notAside returns those damaged files that were not set aside as *.bad, and removes
// all that were.
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
	for _, k := range stateKinds {
		bad, gerr := filepath.Glob(filepath.Join(m.JournalDir(m.source.Name, k.kind), "*.bad"))
		err = errors.Join(err, gerr)
		for _, path := range bad {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return wrong, err
}

// keepCopies keeps journals and records, to be brought back in a later round.
func keepCopies(files map[string]string, copies string, round int) error {
	for _, path := range slices.Sorted(maps.Keys(files)) {
		dir := filepath.Join(copies, filepath.Base(filepath.Dir(path)))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		suffix := filepath.Ext(path)
		// The newest few of each are enough.
		to := fmt.Sprintf("%s %d%s", strings.TrimSuffix(filepath.Base(path), suffix), round%5, suffix)
		if err := os.WriteFile(filepath.Join(dir, to), []byte(files[path]), 0o600); err != nil {
			return err
		}
	}
	return nil
}

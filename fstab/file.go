package fstab

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// File is an fstab(5) file in memory. The zero value is an empty file.
type File struct {
	// Root is the root directory of the file's jail. If set, destinations are
	// compared after Resolve, so that "/mnt" and "<Root>/mnt" are the same
	// destination. It does not affect what is written.
	Root string

	lines []line
	// noFinalNewline is set for a file whose last line is not terminated, which
	// is how libioc writes them.
	noFinalNewline bool
}

// AddOptions are the options of Add.
type AddOptions struct {
	// Replace changes the entry that Find returns, in its place. By
	// default Add returns ErrDestinationExists.
	Replace bool
	// Before is the destination of the entry to insert before, of several the
	// first. By default the entry goes to the end of the file.
	Before string
}

// Parse reads a file. It cannot fail: lines that are not fstab(5) are kept as they
// are, see Check.
func Parse(data []byte) *File {
	f := &File{}
	if len(data) == 0 {
		return f
	}
	text, terminated := strings.CutSuffix(string(data), "\n")
	f.noFinalNewline = !terminated
	for s := range strings.SplitSeq(text, "\n") {
		f.lines = append(f.lines, parseLine(s))
	}
	return f
}

// Marshal returns the file's bytes. Unchanged lines are as they were parsed.
func (f *File) Marshal() []byte {
	if len(f.lines) == 0 {
		return nil
	}
	var b strings.Builder
	for i, l := range f.lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l.text)
	}
	if !f.noFinalNewline {
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// Check returns nil, or the *SyntaxError of the first line that could not be read.
// jail(8) refuses such a line too: a file system that the jail needs may be missing.
func (f *File) Check() error {
	for i, l := range f.lines {
		if l.kind == KindUnknown {
			return &SyntaxError{Line: i + 1, Text: l.text, Reason: l.reason}
		}
	}
	return nil
}

// Lines returns every line of the file, in order.
func (f *File) Lines() []Line {
	hidden := map[string]bool{}
	lines := make([]Line, len(f.lines))
	for i, l := range slices.Backward(f.lines) {
		lines[i] = Line{Kind: l.kind, Text: l.text, Entry: l.entry, Reason: l.reason}
		if l.kind == KindEntry && l.entry.Destination != "none" {
			key := f.key(l.entry.Destination)
			lines[i].Shadowed = hidden[key]
			hidden[key] = hidden[key] || l.entry.Mounted()
		}
	}
	return lines
}

// Entries returns the entries in the order of the file: without generated ones
// (KindAuto), with shadowed ones.
func (f *File) Entries() []Entry {
	var entries []Entry
	for _, l := range f.lines {
		if l.kind == KindEntry {
			entries = append(entries, l.entry)
		}
	}
	return entries
}

// MountOrder returns the entries in the order of mounting: that of the file, as in
// mount(8) and jail(8), so that of several with one destination the last is on top.
// Entries that are not mounted at boot are omitted (Entry.Mounted). Of two that mount one
// source on one destination, one after the other, only the later counts: nullfs would
// refuse it a second time, with whatever options.
func (f *File) MountOrder() []Entry {
	top := map[string]Entry{}
	var entries []Entry
	for _, e := range f.Entries() {
		if !e.Mounted() {
			continue
		}
		key := f.key(e.Destination)
		if before, there := top[key]; there && before.sameMount(e) {
			entries = slices.DeleteFunc(entries, func(o Entry) bool { return o == before })
		}
		top[key] = e
		entries = append(entries, e)
	}
	return entries
}

// sameMount reports whether two entries of one destination mount the same.
func (e Entry) sameMount(other Entry) bool {
	return path.Clean(e.Source) == path.Clean(other.Source) && e.Type == other.Type
}

// Find returns the entry with this destination, of several the last, and whether
// there is one.
func (f *File) Find(destination string) (Entry, bool) {
	if i := f.index(destination); i >= 0 {
		return f.lines[i].entry, true
	}
	return Entry{}, false
}

// Add adds an entry. Errors are *InvalidError (see Entry.Validate), and
// *DestinationError: ErrDestinationExists unless opts.Replace is set,
// ErrDestinationNotFound for opts.Before.
func (f *File) Add(e Entry, opts AddOptions) error {
	e = e.withDefaults()
	if err := e.Validate(); err != nil {
		return err
	}
	if i := f.index(e.Destination); i >= 0 {
		if !opts.Replace {
			return &DestinationError{e.Destination, ErrDestinationExists}
		}
		f.lines[i].set(e)
		return nil
	}
	at := len(f.lines)
	if opts.Before != "" {
		if at = slices.IndexFunc(f.lines, f.at(opts.Before)); at < 0 {
			return &DestinationError{opts.Before, ErrDestinationNotFound}
		}
	}
	f.lines = slices.Insert(f.lines, at, line{kind: KindEntry, entry: e, text: e.String()})
	return nil
}

// Set changes the entry that Find returns, in its place. e may have another
// destination. Errors are *InvalidError and *DestinationError with
// ErrDestinationNotFound, or ErrDestinationExists when another entry has the
// new destination.
func (f *File) Set(destination string, e Entry) error {
	e = e.withDefaults()
	if err := e.Validate(); err != nil {
		return err
	}
	at := f.index(destination)
	if at < 0 {
		return &DestinationError{destination, ErrDestinationNotFound}
	}
	if other := f.index(e.Destination); other >= 0 && f.key(e.Destination) != f.key(destination) {
		return &DestinationError{e.Destination, ErrDestinationExists}
	}
	f.lines[at].set(e)
	return nil
}

// Delete removes all entries with this destination, also those that another one covers.
// Without one the error is a *DestinationError with ErrDestinationNotFound.
func (f *File) Delete(destination string) error {
	if f.index(destination) < 0 {
		return &DestinationError{destination, ErrDestinationNotFound}
	}
	f.lines = slices.DeleteFunc(f.lines, f.at(destination))
	return nil
}

// index returns the index of the last entry with a destination, -1 for none.
func (f *File) index(destination string) int {
	match := f.at(destination)
	for i, l := range slices.Backward(f.lines) {
		if match(l) {
			return i
		}
	}
	return -1
}

// at matches the entries with a destination. Several swap devices have the
// destination none, which matches nothing.
func (f *File) at(destination string) func(line) bool {
	key := f.key(destination)
	return func(l line) bool {
		return l.kind == KindEntry && destination != "none" && f.key(l.entry.Destination) == key
	}
}

// key returns the canonical path of a destination.
func (f *File) key(destination string) string {
	if f.Root != "" {
		if resolved, err := Resolve(f.Root, destination); err == nil {
			return resolved
		}
	}
	if strings.HasPrefix(destination, "/") {
		return path.Clean(destination)
	}
	return destination
}

func (e Entry) withDefaults() Entry {
	e.Type = cmp.Or(e.Type, "nullfs")
	e.Options = cmp.Or(e.Options, "ro")
	return e
}

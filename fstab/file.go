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
	// Replace changes an entry with the same destination, in its place. By
	// default Add returns ErrDestinationExists.
	Replace bool
	// Before is the destination of the entry to insert before. By default the
	// entry goes to the end of the file.
	Before string
}

// Parse reads a file. It cannot fail: lines that are not fstab(5) are kept as they
// are.
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

// Lines returns every line of the file, in order.
func (f *File) Lines() []Line {
	seen := map[string]bool{}
	lines := make([]Line, len(f.lines))
	for i, l := range f.lines {
		lines[i] = Line{Kind: l.kind, Text: l.text, Entry: l.entry}
		if l.kind == KindEntry && l.entry.Destination != "none" {
			key := f.key(l.entry.Destination)
			lines[i].Shadowed = seen[key]
			seen[key] = true
		}
	}
	return lines
}

// Entries returns the entries that take effect, in the order of the file: without
// generated ones (KindAuto) and shadowed ones.
func (f *File) Entries() []Entry {
	var entries []Entry
	for _, l := range f.Lines() {
		if l.Kind == KindEntry && !l.Shadowed {
			entries = append(entries, l.Entry)
		}
	}
	return entries
}

// MountOrder returns the entries in the order of mounting: that of the file, as in
// mount(8) and jail(8). Entries that are not mounted at boot are omitted
// (Entry.Mounted).
func (f *File) MountOrder() []Entry {
	return slices.DeleteFunc(f.Entries(), func(e Entry) bool { return !e.Mounted() })
}

// Find returns the entry with this destination, and whether there is one.
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
		if at = f.index(opts.Before); at < 0 {
			return &DestinationError{opts.Before, ErrDestinationNotFound}
		}
	}
	f.lines = slices.Insert(f.lines, at, line{kind: KindEntry, entry: e, text: e.String()})
	return nil
}

// Set changes the entry with this destination, in its place. e may have another
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

// Delete removes every entry with this destination, including shadowed ones, which
// would otherwise take effect. If there is none it returns *DestinationError with
// ErrDestinationNotFound.
func (f *File) Delete(destination string) error {
	if f.index(destination) < 0 {
		return &DestinationError{destination, ErrDestinationNotFound}
	}
	key := f.key(destination)
	f.lines = slices.DeleteFunc(f.lines, func(l line) bool {
		return l.kind == KindEntry && f.key(l.entry.Destination) == key
	})
	return nil
}

func (f *File) index(destination string) int {
	if destination == "none" {
		return -1 // several swap devices have this destination
	}
	key := f.key(destination)
	return slices.IndexFunc(f.lines, func(l line) bool {
		return l.kind == KindEntry && f.key(l.entry.Destination) == key
	})
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

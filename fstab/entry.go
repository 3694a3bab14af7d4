package fstab

import (
	"fmt"
	"slices"
	"strings"
)

// AutoComment is the comment of lines that iocage generates at every start. See
// KindAuto.
const AutoComment = "iocage-auto"

// Entry is one file system to be mounted.
type Entry struct {
	// Source is what is mounted, decoded: a path, a device or pseudo device
	// ("tmpfs"), a dataset ("tank/data") or a remote file system ("host:/path").
	Source string
	// Destination is where it is mounted, decoded: a path of the host, or
	// "none". For a jail see Resolve.
	Destination string
	// Type is the file system's name for nmount(2). Empty in a new entry means
	// "nullfs", as in libioc.
	Type string
	// Options is the comma separated list of options. Empty in a new entry
	// means "ro", as in libioc.
	Options Options
	// Freq is the interval of dump(8) in days, 0 for never.
	Freq int
	// PassNo is the pass of fsck(8), 0 for never.
	PassNo int
	// Comment is the text after the # which follows the fields, without blanks
	// around it.
	Comment string
}

// Remote returns the parts of a source of the form "host:/path", as nfs uses
// it, and whether the source is one. The host may be an IPv6 address in brackets.
func (e Entry) Remote() (host, path string, ok bool) {
	i := strings.Index(e.Source, ":/")
	if i <= 0 || strings.Contains(e.Source[:i], "/") {
		return "", "", false
	}
	return e.Source[:i], e.Source[i+1:], true
}

// Mounted reports whether mount(8) would mount the entry at boot: it is neither
// swap, nor marked noauto, nor disabled by the option xx.
func (e Entry) Mounted() bool {
	return e.Type != "swap" && e.Destination != "none" &&
		!e.Options.Has("noauto") && !e.Options.Has("xx") && !e.Options.Has("sw")
}

// String returns the line that Marshal writes for a new or changed entry: six
// tab separated fields, and " # comment" where there is a comment.
func (e Entry) String() string { return e.format("") }

func (e Entry) format(tail string) string {
	line := fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%d", escape(e.Source), escape(e.Destination),
		e.Type, e.Options, e.Freq, e.PassNo)
	if tail != "" {
		line += "\t" + tail
	}
	if e.Comment != "" {
		line += " # " + e.Comment
	}
	return line
}

// Validate checks that the entry may be added to a file. The error is
// *InvalidError unless the destination is absolute or "none", no path has a ".." component or a
// newline, type and options have no blanks, which fstab(5) cannot express there,
// and the comment is one line that does not mark the entry as generated.
func (e Entry) Validate() error {
	if err := checkSource(e.Source); err != nil {
		return err
	}
	if e.Destination != "none" {
		if err := checkAbsolute("destination", e.Destination); err != nil {
			return err
		}
	}
	if err := checkWord("type", e.Type); err != nil {
		return err
	}
	if err := checkWord("options", string(e.Options)); err != nil {
		return err
	}
	switch {
	case strings.ContainsAny(e.Comment, "\n\r\x00"):
		return &InvalidError{"comment", e.Comment, "must be one line"}
	case e.Comment != strings.Trim(e.Comment, " \t"):
		return &InvalidError{"comment", e.Comment, "must not begin or end with a blank"}
	case e.Comment == AutoComment:
		return &InvalidError{"comment", e.Comment, "is reserved for generated lines"}
	}
	return nil
}

func checkSource(s string) error {
	if s == "" {
		return &InvalidError{"source", s, "must not be empty"}
	}
	return checkText("source", s)
}

func checkAbsolute(field, s string) error {
	if !strings.HasPrefix(s, "/") {
		return &InvalidError{field, s, "must be an absolute path"}
	}
	return checkText(field, s)
}

func checkText(field, s string) error {
	if strings.ContainsAny(s, "\n\r\x00") {
		return &InvalidError{field, s, "must not contain a newline or NUL"}
	}
	if slices.Contains(strings.Split(s, "/"), "..") {
		return &InvalidError{field, s, `must not contain ".."`}
	}
	return nil
}

func checkWord(field, s string) error {
	switch {
	case s == "":
		return &InvalidError{field, s, "must not be empty"}
	case strings.ContainsAny(s, " \t\n\r\x00"):
		return &InvalidError{field, s, "must not contain blanks"}
	case s[0] == '#':
		return &InvalidError{field, s, "must not begin with #"}
	}
	return nil
}

package zfsstore

import (
	"fmt"
	"io"
	"strings"

	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// A command is one process to run.
type command struct {
	program, op, dataset string
	args                 []string
	change               bool // holds the locks of the operation
	input                io.Reader
	output               func(io.Reader) error // reads standard output; nil: not wanted
}

// refuse refuses the command before it is run.
func (c command) refuse(exit int, sentinel error, format string, values ...any) error {
	return &Error{
		Op: c.op, Dataset: c.dataset, Args: append([]string{c.program}, c.args...), ExitCode: exit, Err: sentinel,
		Stderr: fmt.Sprintf(format, values...) + "\n",
	}
}

// checkName refuses names that zfs(8) would take for options, or for several
// datasets.
func (c command) checkName(names ...string) error {
	for _, name := range names {
		switch {
		case name == "":
			return c.refuse(-1, ErrInvalidName, "empty dataset name")
		case name[0] == '-':
			return c.refuse(-1, ErrInvalidName, "cannot open '%s': invalid character - in name", name)
		case strings.ContainsAny(name, ",%#"+zfsname.Unquotable):
			return c.refuse(-1, ErrInvalidName, "cannot open '%s': invalid character in name", name)
		}
	}
	return nil
}

// checkSnapshot refuses a name without '@', to which zfs(8) answers with its
// usage text, or by doing something else.
func (c command) checkSnapshot() error {
	if !strings.Contains(c.dataset, "@") {
		return c.refuse(2, ErrInvalidName, "cannot %s '%s': missing '@' delimiter in snapshot name", c.op, c.dataset)
	}
	return c.checkName(c.dataset)
}

// checkProperty refuses names of properties that would be read as options, as
// lists or as assignments of other properties.
func (c command) checkProperty(name string) error {
	if name == "" || name[0] == '-' || strings.ContainsAny(name, "=,\x00\t\n ") {
		return c.refuse(-1, ErrInvalidProperty, "invalid property '%s'", name)
	}
	return nil
}

// check checks the dataset and the names of properties.
func (c command) check(properties map[string]string) error {
	if err := c.checkName(c.dataset); err != nil {
		return err
	}
	for name := range properties {
		if err := c.checkProperty(name); err != nil {
			return err
		}
	}
	return nil
}

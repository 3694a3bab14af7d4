// Package columns writes lists of jails as a table, as JSON or as CSV, with the
// columns that the caller chooses. The programs under examples share it; it
// uses nothing but what package jail exports.
//
// A column is a key of jail.Jail.Field: "jid", "full_name", "release",
// "user.tier". Two more are of this package: "error" is why a jail could not be
// read, and "problem" what keeps its configuration from being understood. A jail
// that could not be read is a row like any other; where a program did not ask
// for the column error, a row with one gets it all the same: in JSON as a
// member, in a table and in CSV as a last column that is there for all rows.
package columns

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/libioc/go-libioc/jail"
)

// Format is a form of output.
type Format string

// The forms.
const (
	Table Format = "table" // padded columns under a head line, for people
	JSON  Format = "json"  // an array of objects, written as the jails come
	CSV   Format = "csv"   // RFC 4180 with a head line
)

// ErrFormat is a form of output that there is not.
var ErrFormat = errors.New("unknown format")

// Default are libioc's columns of a list.
func Default() []string { return []string{"jid", "full_name", "running", "release", "ip4_addr"} }

// Options say what is written.
type Options struct {
	Format  Format   // default Table
	Columns []string // default Default()
	NoHead  bool     // without the head line of a table or of CSV
}

// Jails is what jail.List gives.
type Jails = iter.Seq2[*jail.Jail, error]

// Write writes the jails. What it returns is an error of the list itself, which
// ended it, or of the writer: errors of single jails are in their rows. What
// was written until then is well-formed.
func Write(w io.Writer, jails Jails, o Options) error {
	if len(o.Columns) == 0 {
		o.Columns = Default()
	}
	switch o.Format {
	case Table, "":
		return writeTable(w, jails, o)
	case JSON:
		return writeJSON(w, jails, o)
	case CSV:
		return writeCSV(w, jails, o)
	}
	return fmt.Errorf("%w: %q", ErrFormat, o.Format)
}

// cell is one field of one jail.
type cell struct {
	values []string
	known  bool
}

func (c cell) text() string {
	if !c.known {
		return "-"
	}
	return strings.Join(c.values, ",")
}

// row gives the cells of a jail.
func row(j *jail.Jail, err error, columns []string) []cell {
	cells := make([]cell, len(columns))
	for i, key := range columns {
		switch key {
		case "error":
			cells[i] = cell{known: err != nil}
			if err != nil {
				cells[i].values = []string{err.Error()}
			}
		case "problem":
			for _, p := range j.Problems() {
				cells[i].values = append(cells[i].values, p.Error())
			}
			cells[i].known = len(cells[i].values) > 0
		default:
			cells[i].values, cells[i].known = j.Field(key)
		}
	}
	return cells
}

// collect reads the list to its end. If a jail has an error, the column error
// is added.
func collect(jails Jails, columns []string) (head []string, rows [][]cell, listErr error) {
	asked := false
	for _, c := range columns {
		asked = asked || c == "error"
	}
	withError := append(append([]string(nil), columns...), "error")
	failed := false
	for j, err := range jails {
		if j == nil {
			listErr = err
			break
		}
		failed = failed || err != nil
		rows = append(rows, row(j, err, withError))
	}
	if failed && !asked {
		return withError, rows, listErr
	}
	for i := range rows {
		rows[i] = rows[i][:len(columns)]
	}
	return columns, rows, listErr
}

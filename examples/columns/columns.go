// Package columns writes lists of jails as a table, as JSON or as CSV, with the
// columns that the caller chooses. The programs below examples share it; it uses
// only what package jail exports.
//
// A column is a key of jail.Jail.Field: "jid", "full_name", "release",
// "user.tier". This package adds two more: "error" is why a jail could not be
// read, and "problem" is what is wrong with its configuration. A jail that could
// not be read is a row like any other. If a program did not ask for the column
// error, it is added when needed: in JSON as a member of that row, in a table and
// in CSV as a last column of all rows.
package columns

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/jail"
)

// Format is an output format.
type Format string

// The formats.
const (
	Table Format = "table" // padded columns under a header line, for people
	JSON  Format = "json"  // an array of objects, written as the jails come
	CSV   Format = "csv"   // RFC 4180 with a header line
)

// ErrFormat is an unknown output format.
var ErrFormat = errors.New("unknown format")

// Default returns libioc's columns of a list.
func Default() []string { return []string{"jid", "full_name", "running", "release", "ip4_addr"} }

// Options say what to write.
type Options struct {
	Format  Format   // default Table
	Columns []string // default Default()
	NoHead  bool     // without the header line of a table or of CSV
}

// Jails is the type that jail.List returns.
type Jails = iter.Seq2[*jail.Jail, error]

// Write writes the jails. It returns an error of the list itself, which ended it,
// or of the writer; errors of single jails are in their rows. The output until then
// is well-formed.
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

// row returns the cells of a jail.
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

// collect reads the complete list, as a head and a row of texts for each jail. If a
// jail has an error, it adds the column error.
func collect(jails Jails, o Options) (head []string, rows [][]string, listErr error) {
	withError := slices.Concat(o.Columns, []string{"error"})
	shown := len(o.Columns)
	for j, err := range jails {
		if j == nil {
			listErr = err
			break
		}
		if err != nil && !slices.Contains(o.Columns, "error") {
			shown = len(withError)
		}
		var texts []string
		for _, c := range row(j, err, withError) {
			texts = append(texts, c.text())
		}
		rows = append(rows, texts)
	}
	for i := range rows {
		rows[i] = rows[i][:shown]
	}
	return withError[:shown], rows, listErr
}

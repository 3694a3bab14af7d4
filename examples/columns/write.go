package columns

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

func writeTable(w io.Writer, jails Jails, o Options) error {
	head, rows, listErr := collect(jails, o)
	if !o.NoHead {
		titles := make([]string, len(head))
		for i, key := range head {
			titles[i] = strings.ToUpper(key)
		}
		rows = slices.Insert(rows, 0, titles)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, texts := range rows {
		for i, text := range texts {
			texts[i] = printable(text)
		}
		fmt.Fprintln(table, strings.Join(texts, "\t"))
	}
	return errors.Join(listErr, table.Flush())
}

// printable replaces characters that would end a line or control the terminal: a
// jail's configuration may come from anywhere.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func writeCSV(w io.Writer, jails Jails, o Options) error {
	head, rows, listErr := collect(jails, o)
	if !o.NoHead {
		rows = slices.Insert(rows, 0, head)
	}
	return errors.Join(listErr, csv.NewWriter(w).WriteAll(rows))
}

// writeJSON writes one object per line. A key with several values is an array, a
// key that the jail does not have is null.
func writeJSON(w io.Writer, jails Jails, o Options) error {
	out := bufio.NewWriter(w)
	out.WriteString("[")
	between := "\n"
	var listErr error
	for j, err := range jails {
		if j == nil {
			listErr = err
			break
		}
		columns := o.Columns
		if err != nil && !slices.Contains(columns, "error") {
			columns = append(append([]string(nil), columns...), "error")
		}
		out.WriteString(between)
		between = ",\n"
		if err := writeObject(out, columns, row(j, err, columns)); err != nil {
			return err
		}
	}
	if between != "\n" {
		out.WriteString("\n")
	}
	out.WriteString("]\n")
	return errors.Join(listErr, out.Flush())
}

// writeObject keeps the order of the columns, which a map would not.
func writeObject(out *bufio.Writer, columns []string, cells []cell) error {
	out.WriteByte('{')
	for i, key := range columns {
		var value any
		switch c := cells[i]; {
		case !c.known:
		case len(c.values) == 1:
			value = c.values[0]
		default:
			value = c.values
		}
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		name, _ := json.Marshal(key) // a string never fails
		fmt.Fprintf(out, "%s:%s", name, data)
	}
	return out.WriteByte('}')
}

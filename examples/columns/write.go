package columns

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func writeTable(w io.Writer, jails Jails, o Options) error {
	head, rows, listErr := collect(jails, o.Columns)
	var lines [][]string
	if !o.NoHead {
		titles := make([]string, len(head))
		for i, key := range head {
			titles[i] = strings.ToUpper(printable(key))
		}
		lines = append(lines, titles)
	}
	for _, cells := range rows {
		line := make([]string, len(cells))
		for i, c := range cells {
			line[i] = printable(c.text())
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(head))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	out := bufio.NewWriter(w)
	for _, line := range lines {
		for i, text := range line {
			out.WriteString(text)
			if i < len(line)-1 {
				out.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+2))
			}
		}
		out.WriteByte('\n')
	}
	return errors.Join(listErr, out.Flush())
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
	head, rows, listErr := collect(jails, o.Columns)
	out := csv.NewWriter(w)
	if !o.NoHead {
		out.Write(head)
	}
	for _, cells := range rows {
		record := make([]string, len(cells))
		for i, c := range cells {
			record[i] = c.text()
		}
		out.Write(record)
	}
	out.Flush()
	return errors.Join(listErr, out.Error())
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
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(data)
	}
	return out.WriteByte('}')
}

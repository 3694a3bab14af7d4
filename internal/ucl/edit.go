package ucl

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
)

// An Edit sets the value at a path, or removes it.
type Edit struct {
	Path   string // keys joined by dots
	Remove bool
	Source string // the value's text in UCL: Quote of a text, or a word as it is
}

// Apply returns the edited text of the document. For a repeated key it replaces the
// last value and removes the others. A path that does not exist is added at the
// end, as one key with dots. All other bytes are preserved.
func (d *Document) Apply(edits []Edit) ([]byte, error) {
	places := make(map[string][]Field)
	for _, l := range d.Leaves() {
		places[l.Path] = append(places[l.Path], l.Field)
	}
	var cuts []splice
	var added bytes.Buffer
	for _, e := range edits {
		fields := places[e.Path]
		if !e.Remove {
			if len(fields) == 0 {
				fmt.Fprintf(&added, "%s = %s%s", quoteKey(e.Path), e.Source, ending(e.Source))
				continue
			}
			last := fields[len(fields)-1].Value
			cuts = append(cuts, splice{last.Start, last.End, e.Source})
			fields = fields[:len(fields)-1]
		}
		for _, f := range fields {
			cuts = append(cuts, d.removal(f))
		}
	}
	if added.Len() > 0 {
		text := added.String()
		if head := d.src[:d.end]; len(head) > 0 && head[len(head)-1] != '\n' {
			text = "\n" + text
			// A newline would make <<EOD the start of a here-document.
			if n := len(d.Fields); n > 0 && d.endsInTag(d.Fields[n-1].Value) {
				text = ";" + text
			}
		}
		cuts = append(cuts, splice{d.end, d.end, text})
	}
	out := apply(d.src, cuts)
	// Check that the result can be read back.
	if _, err := Parse(out); err != nil {
		return nil, fmt.Errorf("ucl: edited text: %w", err)
	}
	return out, nil
}

// ending returns the text that a new field needs after its value. The tag that ends
// a here-document must be alone on its line.
func ending(source string) string {
	if strings.HasPrefix(source, "<<") && strings.Contains(source, "\n") {
		return "\n"
	}
	return ";\n"
}

// endsInTag reports whether v is a bare <<EOD just before the place of new fields.
func (d *Document) endsInTag(v Value) bool {
	return v.Kind == Scalar && !v.Quoted && v.End == d.end && strings.HasPrefix(v.Text, "<<")
}

type splice struct {
	start, end int
	text       string
}

func apply(src []byte, cuts []splice) []byte {
	sort.SliceStable(cuts, func(i, j int) bool { return cuts[i].start < cuts[j].start })
	var out bytes.Buffer
	pos := 0
	for _, c := range cuts {
		start := max(c.start, pos)
		out.Write(src[pos:start])
		out.WriteString(c.text)
		pos = max(pos, c.end)
	}
	out.Write(src[pos:])
	return out.Bytes()
}

// removal returns the extent of the field with its terminator, and of the whole
// line if it is alone there. A comment after it is kept.
func (d *Document) removal(f Field) splice {
	start := len(bytes.TrimRight(d.src[:f.Start], " \t"))
	rest := bytes.TrimLeft(d.src[f.End:], " \t\r")
	end := len(d.src) - len(rest)
	first := start == 0 || d.src[start-1] == '\n'
	if first && (len(rest) == 0 || rest[0] == '\n') {
		return splice{start, min(end+1, len(d.src)), ""}
	}
	return splice{f.Start, f.End, ""}
}

// Quote returns text as a quoted string.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		c := text[i]
		if n := strings.IndexByte("\"\\\b\f\n\r\t", c); n >= 0 {
			b.WriteByte('\\')
			b.WriteByte(`"\bfnrt`[n])
		} else if c < ' ' || c == 0x7f {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quoteKey(key string) string {
	if key == "" || key[0] == '.' || strings.Contains(key, "/*") || strings.ContainsFunc(key, func(r rune) bool { return r < 0x80 && keyEnd(byte(r)) }) {
		return Quote(key)
	}
	return key
}

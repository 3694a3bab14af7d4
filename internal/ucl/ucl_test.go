package ucl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// tree renders fields with quoted texts in quotes, so that a test shows both.
func tree(fields []Field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(f.Key + "=" + node(f.Value))
	}
	return b.String()
}

func node(v Value) string {
	switch v.Kind {
	case Object:
		return "{" + tree(v.Fields) + "}"
	case List:
		items := make([]string, len(v.Items))
		for i, item := range v.Items {
			items[i] = node(item)
		}
		return "[" + strings.Join(items, " ") + "]"
	}
	if v.Quoted {
		return fmt.Sprintf("%q", v.Text)
	}
	return v.Text
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"comments only", "# a\n/* b /* c */ d */\n", ""},
		{"quoted with escapes", `name = "quoted \"text\"; # no comment";`, `name="quoted \"text\"; # no comment"`},
		{"colon and bare words", "other: bare words end at newline\n", "other=bare words end at newline"},
		{"bare ends at semicolon", "a = b c; d = e", "a=b c d=e"},
		{"bare ends at comment", "flag = on            # yes", "flag=on"},
		{"bare ends at block comment", "flag = on /* yes */ ; b = 1", "flag=on b=1"},
		{"suffixes stay text", "size = 10k\nhex = 0xff\nv = 10.3-RELEASE\nm = 02ff60\no = 007", "size=10k hex=0xff v=10.3-RELEASE m=02ff60 o=007"},
		{"quoted on is text", `a = "on"`, `a="on"`},
		{"list with trailing comma", `list = [a, "b", 3,]`, `list=[a "b" 3]`},
		{"repeated key", "a = 1\na = 2", "a=1 a=2"},
		{"named section", "jail web { limits { memory = 10k } }", "jail={web={limits={memory=10k}}}"},
		{"brace on the next line", "a\n{ b = 1 }", "a={b=1}"},
		{"here-document", "text = <<EOD\nline\n  two\nEOD\nb = 1", `text="line\n  two" b=1`},
		{"empty here-document", "text = <<EOD\nEOD\n", `text=""`},
		{"not a here-document", "a = <<eod", "a=<<eod"},
		{"dotted key", "a.b = 1", "a.b=1"},
		{"blank separator", "key value", "key=value"},
		{"blank separator and quotes", `key "a value";`, `key="a value"`},
		{"single quotes are raw", `a = 'x\n"y"\''`, `a="x\\n\"y\"'"`},
		{"unknown variable stays", "path = ${HOME}/x\nb = 2", "path=${HOME}/x b=2"},
		{"wrapped", `{"a": 1, "b": {"c": "d"}}`, `a=1 b={c="d"}`},
		{"unicode escape", `a = "\u00fc\ud83d\ude00"`, `a="ü😀"`},
		{"CRLF", "a = 1;\r\nb = x y\r\n", "a=1 b=x y"},
		{"empty value", "a = ;\nb = 1", "a= b=1"},
		{"byte order mark", "\xef\xbb\xbfa = 1", "a=1"},
		{"comma separated", "a = 1, b = 2", "a=1 b=2"},
		{"braces in a bare value", "a = ${x} [y]", "a=${x} [y]"},
		{"apostrophe", "note don't\nb = 1", "note=don't b=1"},
		{"quote in a bare value", "a 5\" x\nb = 1", `a=5" x b=1`},
		{"comments after a value", "a = \"x\" /* c */ /* d */ ; b = \"y\" /* e */ # f", `a="x" b="y"`},
		{"here-document cut off by the end of the file", "a = <<EOD", "a=<<EOD"},
		{"legacy line", `login_flags="-f root";`, `login_flags="-f root"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := tree(d.Fields); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		name, in     string
		line, column int
		reason       string
	}{
		{"directive", "a = 1\n.include \"x\"\n", 2, 1, "directives"},
		{"shell if", "if [ -f x ]; then\n  a = 1\nfi\n", 1, 18, "expected a value"},
		{"string without end", "a = \"b\nc = 1", 1, 5, "without end"},
		{"comment without end", "a = 1 /* x", 1, 7, "comment without end"},
		{"brace without end", "a { b = 1", 1, 10, "expected '}'"},
		{"stray brace", "a = 1\n}", 2, 1, "without '{'"},
		{"no value", "a = \nb = 1", 1, 5, "expected a value"},
		{"key alone", "a", 1, 2, "expected a value"},
		{"two values", `a = "x" "y"`, 1, 9, "expected ';'"},
		{"list without end", "a = [1, 2", 1, 10, "expected"},
		{"here-document without end", "a = <<EOD\nx\n", 1, 5, "here-document"},
		{"unknown escape", `a = "\q"`, 1, 7, "escape"},
		{"short unicode", `a = "\u12"`, 1, 10, "hexadecimal"},
		{"no key", "= 1", 1, 1, "expected a key"},
		{"NUL", "a = 1\n\x00", 2, 1, "NUL"},
		{"after the brace", "{a = 1} b", 1, 9, "unexpected data after"},
		{"apostrophe without end", "b = 1\na 'x", 2, 3, "without end"},
		{"comment before a second value", `a = "x" /* c */ "y"`, 1, 17, "expected ';'"},
		{"bare comma", "a = x,y\n", 1, 8, "expected a value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.in))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a *SyntaxError", err)
			}
			if syntax.Line != tt.line || syntax.Column != tt.column || !strings.Contains(syntax.Reason, tt.reason) {
				t.Errorf("got %v, want %d:%d: ...%s...", syntax, tt.line, tt.column, tt.reason)
			}
		})
	}
}

func TestDepth(t *testing.T) {
	for _, in := range []string{strings.Repeat("a {", 100000), "a = " + strings.Repeat("[", 100000), strings.Repeat("a ", 100000)} {
		if _, err := Parse([]byte(in)); err == nil {
			t.Errorf("%.10s... was read", in)
		}
	}
}

func TestApply(t *testing.T) {
	const src = "# head\na = \"1\"; # first\nb = 2\n\n/* c */\nc { d = x, e = y }\na = \"3\";\n"
	for _, tt := range []struct {
		name  string
		edits []Edit
		want  string
	}{
		{"nothing", nil, src},
		{"set bare", []Edit{{Path: "b", Source: `"z"`}}, strings.Replace(src, "b = 2", `b = "z"`, 1)},
		{"set nested", []Edit{{Path: "c.d", Source: `"z"`}}, strings.Replace(src, "d = x", `d = "z"`, 1)},
		{"remove line", []Edit{{Path: "b", Remove: true}}, strings.Replace(src, "b = 2\n", "", 1)},
		{"remove nested", []Edit{{Path: "c.d", Remove: true}}, strings.Replace(src, "d = x,", "", 1)},
		{"set repeated", []Edit{{Path: "a", Source: `"9"`}}, "# head\n # first\nb = 2\n\n/* c */\nc { d = x, e = y }\na = \"9\";\n"},
		{"remove repeated", []Edit{{Path: "a", Remove: true}}, "# head\n # first\nb = 2\n\n/* c */\nc { d = x, e = y }\n"},
		{"add", []Edit{{Path: "user.x", Source: Quote("a\"b")}}, src + "user.x = \"a\\\"b\";\n"},
		{"remove a missing path", []Edit{{Path: "zz", Remove: true}}, src},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse([]byte(src))
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Apply(tt.edits)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestApplyAtTheEnd: a new field must not change the one before it, nor does
// the form of its own value break it.
func TestApplyAtTheEnd(t *testing.T) {
	for _, tt := range []struct{ name, src, path, source, want string }{
		{"tag without a here-document", "t = <<E", "\t\f\xec\x03n\x875a", Quote("text"), "t = <<E;\n\"\\t\\f\xec\\u0003n\x875a\" = \"text\";\n"},
		{"the same before a brace", "{t = <<E}", "a", `"1"`, "{t = <<E;\na = \"1\";\n}"},
		{"bare value", "t = x y", "a", `"1"`, "t = x y\na = \"1\";\n"},
		{"comment", "t = x # c", "a", `"1"`, "t = x # c\na = \"1\";\n"},
		{"here-document as value", "t = x\n", "a", "<<E\none\nE", "t = x\na = <<E\none\nE\n"},
		{"tag as value", "t = x\n", "a", "<<E", "t = x\na = <<E;\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse([]byte(tt.src))
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Apply([]Edit{{Path: tt.path, Source: tt.source}})
			if err != nil || string(got) != tt.want {
				t.Fatalf("got %q, %v\nwant %q", got, err, tt.want)
			}
			after, err := Parse(got)
			if err != nil || len(after.Fields) != 2 {
				t.Fatalf("%v, %v", after, err)
			}
			if was, is := tree(d.Fields), tree(after.Fields[:1]); was != is {
				t.Errorf("the field before it was %s, is %s", was, is)
			}
		})
	}
}

func TestApplyWrapped(t *testing.T) {
	d, err := Parse([]byte("{\n  a = 1\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Apply([]Edit{{Path: "b", Source: `"2"`}})
	if err != nil || string(got) != "{\n  a = 1\nb = \"2\";\n}\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzUCL(f *testing.F) {
	for _, s := range []string{"a = 1\n", `{"a": [1, "b", {c: d}]}`, "jail web { a = 1 }", "t = <<EOD\nx\nEOD\n", "# c\n/* d */ a 'b'; b = ${c}", "a = x,\ny = [,]\n"} {
		f.Add(s, "a", "text")
	}
	f.Fuzz(func(t *testing.T, src, path, text string) {
		d, err := Parse([]byte(src))
		if err != nil {
			return
		}
		same, err := d.Apply(nil)
		if err != nil || string(same) != src {
			t.Fatalf("no edit: %q, %v", same, err)
		}
		if strings.ContainsRune(path+text, 0) || strings.ContainsRune(path, '\n') {
			return
		}
		before := d.Leaves()
		for _, l := range before {
			if strings.HasPrefix(l.Path, path+".") || strings.HasPrefix(path, l.Path+".") {
				return
			}
		}
		out, err := d.Apply([]Edit{{Path: path, Source: Quote(text)}})
		if err != nil {
			t.Fatalf("set %q in %q: %v", path, src, err)
		}
		after, err := Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		// Everything else is as it was, and the value is the one that was set.
		if got, want := others(after, path), others(d, path); got != want {
			t.Fatalf("others changed in %q -> %q\n%s\n%s", src, out, want, got)
		}
		var values []string
		for _, l := range after.Leaves() {
			if l.Path == path {
				values = append(values, l.Field.Value.Text)
			}
		}
		if len(values) != 1 || values[0] != text {
			t.Fatalf("%q: set %q to %q, read %q", out, path, text, values)
		}
		gone, err := after.Apply([]Edit{{Path: path, Remove: true}})
		if err != nil {
			t.Fatalf("remove %q from %q: %v", path, out, err)
		}
		end, err := Parse(gone)
		if err != nil || others(end, path) != others(d, path) {
			t.Fatalf("remove %q from %q: %q, %v", path, out, gone, err)
		}
	})
}

func others(d *Document, path string) string {
	var b strings.Builder
	for _, l := range d.Leaves() {
		if l.Path != path {
			fmt.Fprintf(&b, "%q=%s\n", l.Path, node(l.Field.Value))
		}
	}
	return b.String()
}

package rcconf

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"function body is not run", "f() {\na=1\n}\nb=2\n", "b: 2"},
		{"one-line function", "f () { a=1; }; b=2\n", "b: 2"},
		{"subshell", "(a=1)\nb=2\n", "b: 2"},
		{"pipe", "a=1 | cat\nb=2\n", "b: 2"},
		{"background", "a=1 &\nb=2", "b: 2"},
		{"for a command only", "a=1 cmd\nb=2\n", "b: 2"},
		{"command substitution with quotes", "a=$(echo \")\" ')')\nb=2\n", "a: dynamic|b: 2"},
		{"here-document", "cat <<E\na=1\nE\nb=2\n", "b: 2"},
		{"indented here-document", "cat <<-'E' >x\n\ta=1\n\tE\nb=2\n", "b: 2"},
		{"case", "case x in\nx) a=1 ;;\n(y) b=2;;\nesac\n", "a: 1|b: 2"},
		{"and", "true && a=1\n", "a: 1"},
		{"loop", "for i in 1 2; do a=$i; done\nb=1\n", "a: dynamic|b: 1"},
		{"redirect", "a=1 2>/dev/null\n", "a: 1"},
		{"keyword as a word", "echo if\na=1\n", "a: 1"},
		{"several in a command", "a=1 b=\"2 3\"\n", "a: 1|b: 2 3"},
		{"continued line", "a=1 \\\nb=2\n", "a: 1|b: 2"},
		{"home", "a=~/x\nb=x~\n", "a: dynamic|b: x~"},
		{"default", "a=${b:-x}\n", "a: dynamic"},
		{"backslash in double quotes", `a="x\y\\z\"\` + "`" + `"`, "a: x\\y\\z\"`"},
		{"dollar alone", `a="$ 5$"`, "a: $ 5$"},
		{"doubled too often", "a=x\n" + strings.Repeat("a=$a$a\n", 21) + "b=1\n", "a: dynamic|b: 1"},
		{"nested", "if x; then\n  while y; do a=1; done\nfi\n", "a: 1"},
		{"not a name", "1a=1\na-b=2\nc=3\n", "c: 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(all(f), "|"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSyntaxErrors(t *testing.T) {
	for in, want := range map[string]string{
		"a=1\nb='x": "2:3", "a=\"x\n\n": "1:3", "a=`x": "1:3", "a=$(x": "1:4", "a=${x": "1:4", "cat <<E\nx\n": "3:1", "a=1\x00": "1:4",
	} {
		_, err := Parse([]byte(in))
		if err == nil || !strings.HasPrefix(err.Error(), want+":") {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestSet(t *testing.T) {
	for _, tt := range []struct{ name, in, value, want string }{
		{"keeps comment and quotes", "# x\n a='1' # y\nb=2\n", "n", "# x\n a='n' # y\nb=2\n"},
		{"continued value", "a=\"one \\\ntwo\"\nb=1\n", "n", "a=\"n\"\nb=1\n"},
		{"same value in other quotes", "a=x\n", "x", "a=x\n"},
		{"after a missing newline", "b=1", "n", "b=1\na=\"n\"\n"},
		{"after a comment without newline", "# b", "n", "# b\na=\"n\"\n"},
		{"carriage return goes", "a=\"1\"\r\nb=2\r\n", "n", "a=\"n\"\nb=2\r\n"},
		{"function's own is not touched", "f() { a=1; }\n", "n", "f() { a=1; }\na=\"n\"\n"},
		{"assigned as a whole", "a=x\"y\"'z'$w\n", "n", "a=\"n\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Set("a", tt.value); err != nil {
				t.Fatal(err)
			}
			if got := string(f.Bytes()); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	f, err := Parse([]byte("b=1\necho \\"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a b", "1a", "a.b", "a=b"} {
		if err := f.Set(name, "x"); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := f.Set("b", "x\x00"); !errors.Is(err, ErrValue) {
		t.Errorf("NUL: %v", err)
	}
	// The backslash at the end would join the new line to its own.
	if err := f.Set("a", "x"); !errors.Is(err, ErrValue) {
		t.Errorf("continued end: %v", err)
	}
	if string(f.Bytes()) != "b=1\necho \\" {
		t.Errorf("refused edits changed the file: %q", f.Bytes())
	}
}

func TestSysctl(t *testing.T) {
	const src = "# head\nnet.inet.ip.fw.enable=0 # off\nkern.x: \"a # b\"\n  dev.em.0.%parent = 'q'\nbroken line\n"
	f := ParseSysctl([]byte(src))
	for name, want := range map[string]string{"net.inet.ip.fw.enable": "0", "kern.x": "a # b", "dev.em.0.%parent": "q"} {
		if got, ok := f.Get(name); !ok || got != want {
			t.Errorf("%s = %q, %v; want %q", name, got, ok, want)
		}
	}
	if string(f.Bytes()) != src {
		t.Errorf("changed by reading: %q", f.Bytes())
	}
	for name, value := range map[string]string{"net.inet.ip.fw.enable": "1", "kern.x": "c#d", "kern.new": "5"} {
		if err := f.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	want := "# head\nnet.inet.ip.fw.enable=1 # off\nkern.x: \"c#d\"\n  dev.em.0.%parent = 'q'\nbroken line\nkern.new=5\n"
	if got := string(f.Bytes()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, value := range []string{"a\nb", `a"b#'c`} {
		if err := f.Set("kern.y", value); !errors.Is(err, ErrValue) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestEmptyFile(t *testing.T) {
	f, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Set("hostname", "a"); err != nil {
		t.Fatal(err)
	}
	g, err := Parse(f.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := g.Get("hostname"); v != "a" || !slices.Equal(g.Names(), []string{"hostname"}) {
		t.Errorf("read back %q, %v", v, g.Names())
	}
	if v, ok := g.Get("nope"); ok {
		t.Errorf("missing: %q", v)
	}
}

func FuzzRCConf(f *testing.F) {
	for _, s := range []string{"a=1\n", "a='x' b=\"$a\"; c=2 # d\n", "if x; then a=1; fi\n", "export a=1", "f() { a=1; }\ncat <<E\na\nE\n", "a=\"x\\\ny\"", "x && a=1 a=2"} {
		f.Add(s, "va lue")
	}
	f.Fuzz(func(t *testing.T, src, value string) {
		file, err := Parse([]byte(src))
		if err != nil {
			return
		}
		if string(file.Bytes()) != src {
			t.Fatal("changed by reading")
		}
		before := values(file)
		if err := file.Set("a", value); err == nil {
			if got, ok := file.Get("a"); !ok || got != value {
				t.Fatalf("%q: set to %q, read %q", src, value, got)
			}
			compare(t, src, string(file.Bytes()), before, values(file))
			text := string(file.Bytes())
			if err := file.Set("a", value); err != nil || string(file.Bytes()) != text {
				t.Fatalf("%q: setting again changed %q to %q, %v", src, text, file.Bytes(), err)
			}
		}
	})
}

func values(f *File) map[string]string {
	m := make(map[string]string)
	for _, a := range f.list {
		refers := false
		for _, p := range a.value.parts {
			refers = refers || p.kind == variable
		}
		// What refers to a changes with it.
		if delete(m, a.name); a.name != "a" && !refers {
			m[a.name], _ = f.Get(a.name)
		}
	}
	return m
}

func compare(t *testing.T, src, now string, before, after map[string]string) {
	t.Helper()
	for name, value := range before {
		if got, ok := after[name]; !ok || got != value {
			t.Fatalf("%q -> %q: %s was %q, is %q", src, now, name, value, got)
		}
	}
	if len(before) != len(after) {
		t.Fatalf("%q -> %q: %d variables, were %d", src, now, len(after), len(before))
	}
}

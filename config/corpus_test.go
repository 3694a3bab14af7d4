package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files again")

// golden compares text with a file that -update writes.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date or the meaning changed (go test -update writes it):\n%s", path, diff(string(want), got))
	}
}

func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "<end>", "<end>"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n  want %s\n  got  %s", i+1, a, b)
		}
	}
	return ""
}

// load reads a corpus entry, and its text where it has one.
func load(t testing.TB, dir string) (*Config, []byte, error) {
	t.Helper()
	if data, err := os.ReadFile(filepath.Join(dir, "properties.tsv")); err == nil {
		props := make(map[string]string)
		for line := range strings.Lines(string(data)) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			props[name] = value
		}
		return FromProperties(props), nil, nil
	}
	c, err := ReadDir(dir)
	if errors.Is(err, ErrNoConfig) {
		c, err = ReadDefaults(dir)
	}
	if err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(c.Path())
	return c, data, err
}

// describe returns a configuration as the golden files show it.
func describe(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "format %s, dialect %s, %d keys\n\nstored\n", c.Format(), c.Dialect(), len(c.Keys()))
	for _, key := range c.Keys() {
		raw, _ := c.Raw(key)
		p, known := Lookup(key)
		v, ok, err := c.value(key)
		switch {
		case !known:
			fmt.Fprintf(&b, "  %-22s %q is unknown\n", key, raw)
		case err != nil || !ok:
			fmt.Fprintf(&b, "  %-22s %q is refused\n", key, raw)
		case v == nil:
			fmt.Fprintf(&b, "  %-22s %q is none\n", key, raw)
		default:
			fmt.Fprintf(&b, "  %-22s %q is %s %v\n", key, raw, strings.TrimPrefix(fmt.Sprintf("%T", v), "config."), v)
		}
		_ = p
	}
	b.WriteString("\nproblems\n")
	for _, p := range c.Problems() {
		fmt.Fprintf(&b, "  %v\n", p)
	}
	b.WriteString("\ncounts where it is not the default\n")
	e := Effective{Own: c}
	empty := Effective{Own: New()}
	for _, key := range e.Keys() {
		now, err := e.Text(key)
		if err != nil {
			now = err.Error()
		}
		if base, err := empty.Text(key); err != nil || now != base {
			fmt.Fprintf(&b, "  %-22s %s\n", key, now)
		}
	}
	m, changes := c.Migrate(MigrateOptions{Pool: "zroot"})
	fmt.Fprintf(&b, "\nmigration leaves %d keys\n", len(m.Keys()))
	for _, ch := range changes {
		switch {
		case ch.NewKey == "":
			fmt.Fprintf(&b, "  - %s=%q (%s)\n", ch.Key, ch.Old, ch.Reason)
		case ch.Key == "":
			fmt.Fprintf(&b, "  + %s=%q (%s)\n", ch.NewKey, ch.New, ch.Reason)
		default:
			fmt.Fprintf(&b, "  %s=%q -> %s=%q (%s)\n", ch.Key, ch.Old, ch.NewKey, ch.New, ch.Reason)
		}
	}
	return b.String()
}

func TestCorpus(t *testing.T) {
	dirs, err := filepath.Glob("testdata/corpus/*")
	if err != nil || len(dirs) < 10 {
		t.Fatalf("%d entries, %v", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c, data, err := load(t, dir)
			if err != nil {
				golden(t, filepath.Join(dir, "want.txt"), strings.ReplaceAll(err.Error(), `\`, "/")+"\n")
				return
			}
			golden(t, filepath.Join(dir, "want.txt"), describe(c))
			resave(t, c, data)
			convertAll(t, c)
			migrateTwice(t, c)
		})
	}
}

// resave saves without a change, and with a change that is taken back.
func resave(t *testing.T, c *Config, data []byte) {
	t.Helper()
	if c.Format() == ZFS {
		set, unset, err := c.PropertyChanges()
		if len(set)+len(unset) != 0 || err != nil {
			t.Errorf("unchanged properties: set %v, unset %v, %v", set, unset, err)
		}
		d := c.Clone()
		d.Unset("notes")
		if err := d.Set("boot", "yes"); err != nil {
			t.Fatal(err)
		}
		set, unset, err = d.PropertyChanges()
		if len(set) != 1 || set[PropertyPrefix+"boot"] != "on" || len(unset) != 1 || unset[0] != PropertyPrefix+"notes" || err != nil {
			t.Errorf("set %v, unset %v, %v", set, unset, err)
		}
		return
	}
	path := filepath.Join(t.TempDir(), filepath.Base(c.Path()))
	if err := c.writeFile(path); err != nil {
		t.Fatal(err)
	}
	back, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(back, data) {
		t.Errorf("save without a change: %s, %v", diff(string(data), string(back)), err)
	}
	d, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Set("user.go", "x"); err != nil {
		t.Fatal(err)
	}
	if err := d.writeFile(path); err != nil {
		t.Fatal(err)
	}
	e, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range c.Keys() {
		want, _ := c.Raw(key)
		if got, _ := e.Raw(key); got != want {
			t.Errorf("%s was %q, is %q after another key was set", key, want, got)
		}
	}
}

// convertAll converts to each store and back: every typed value stays.
func convertAll(t *testing.T, c *Config) {
	t.Helper()
	for _, to := range []Format{JSON, UCL, ZFS} {
		d, _, err := c.Convert(to)
		if err != nil {
			var perr *PropertyError
			if errors.As(err, &perr) && errors.Is(err, ErrNotStorable) && to == ZFS && strings.HasPrefix(perr.Key, "CONFIG_") {
				continue // upper-case letters
			}
			t.Fatalf("to %s: %v", to, err)
		}
		if to == ZFS {
			props, err := d.Properties()
			if err != nil {
				t.Fatal(err)
			}
			d = FromProperties(props)
		} else {
			data, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if d, err = Parse(data, to); err != nil {
				t.Fatalf("to %s: %v\n%s", to, err, data)
			}
		}
		sameValues(t, to.String(), c, d)
	}
}

func sameValues(t *testing.T, what string, c, d *Config) {
	t.Helper()
	if len(c.Keys()) != len(d.Keys()) {
		t.Errorf("to %s: %d keys, were %d", what, len(d.Keys()), len(c.Keys()))
	}
	for _, key := range c.Keys() {
		v, _, verr := c.value(key)
		w, _, werr := d.value(key)
		if fmt.Sprint(v) != fmt.Sprint(w) || (verr == nil) != (werr == nil) {
			t.Errorf("to %s: %s was %v (%v), is %v (%v)", what, key, v, verr, w, werr)
		}
	}
}

// migrateTwice: a migrated configuration needs no migration, and counts the
// same but for the moves that the golden file shows.
func migrateTwice(t *testing.T, c *Config) {
	t.Helper()
	before := len(c.Keys())
	m, _ := c.Migrate(MigrateOptions{Pool: "zroot"})
	if len(c.Keys()) != before || c.Changed() {
		t.Error("the dry run changed the configuration")
	}
	again, changes := m.Migrate(MigrateOptions{Pool: "zroot"})
	if len(changes) != 0 || len(again.Keys()) != len(m.Keys()) {
		t.Errorf("second migration: %v", changes)
	}
	a, b := Effective{Own: c}, Effective{Own: m}
	for _, p := range Properties() {
		if !p.Used || p.Name == "dhcp" || p.Name == "ip4_addr" || p.Name == "jail_zfs_dataset" || p.Name == "type" {
			continue
		}
		x, _ := a.Text(p.Name)
		y, _ := b.Text(p.Name)
		if x != y {
			t.Errorf("migration: %s counted as %q, now %q", p.Name, x, y)
		}
	}
}

package replaytest

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// replayTable compares the mount table with lines of mount -p.
func replayTable(k kernel.Kernel, l line) error {
	table, err := k.Getfsstat(context.Background())
	if err != nil {
		return err
	}
	var got, want []string
	for _, m := range table {
		if m.Type != "nullfs" {
			continue
		}
		opts := "rw"
		for _, f := range []struct {
			flag kernel.MountFlags
			name string
		}{{kernel.MntNoExec, ",noexec"}, {kernel.MntNoSuid, ",nosuid"}} {
			if m.Flags&f.flag != 0 {
				opts += f.name
			}
		}
		got = append(got, strings.Join([]string{m.From, m.Path, m.Type, opts}, " "))
	}
	for row := range strings.Lines(l.Note) {
		want = append(want, strings.Join(strings.Fields(row)[:4], " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		return fmt.Errorf("recorded %q, got %q", want, got)
	}
	return nil
}

// replaySysctl reads the node that the case names, or that the note begins with.
func replaySysctl(k kernel.Kernel, l line) error {
	name, want := "", l.Note
	if i := strings.LastIndex(l.Case, "sysctl "); i >= 0 {
		name = l.Case[i+len("sysctl "):]
	}
	if node, value, ok := strings.Cut(l.Note, ": "); ok && strings.HasPrefix(node, "security.") {
		name, want = node, strings.TrimSuffix(value, " <nil>")
	}
	if name == "" {
		return cannot("no node named")
	}
	got, err := k.SysctlString(context.Background(), name)
	if errors.Is(err, syscall.EINVAL) { // a number
		var n int64
		n, err = k.SysctlInt(context.Background(), name)
		got = strconv.FormatInt(n, 10)
	}
	if strings.Contains(l.Note, "unknown oid") {
		if !errors.Is(err, kernel.ErrNotFound) {
			return fmt.Errorf("recorded an unknown oid, got %q, %w", got, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(got) != want {
		return fmt.Errorf("recorded %q, got %q", want, got)
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

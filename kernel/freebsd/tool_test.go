package freebsd

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// prints is a machine on which every program prints as much.
type prints struct {
	kernel.Processes
	bytes   int
	limited bool
}

func (p *prints) Run(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	_, p.limited = ctx.Deadline()
	line := strings.Repeat("x", 1023) + "\n"
	for n := 0; n < p.bytes; n += len(line) {
		if _, err := io.WriteString(cmd.Stdout, line); err != nil {
			return kernel.Exit{}, err
		}
	}
	return kernel.Exit{}, nil
}

// TestCutOutputIsAnError: the output of ifconfig(8), netstat(1), ipfw(8) and pfctl(8)
// was cut at 4 MiB without a word, and half of a list taken for the whole.
func TestCutOutputIsAnError(t *testing.T) {
	fine := func(kernel.Exit, string, string) error { return nil }
	in := kernel.Identity{Name: "hostile", JID: 7}
	for _, c := range []struct {
		name  string
		in    kernel.Identity
		bytes int
		cut   bool
	}{
		{"jail", in, jailOutput, false},
		{"jail, too long", in, jailOutput + 1024, true},
		{"host", kernel.Identity{}, jailOutput + 1024, false},
		{"host, too long", kernel.Identity{}, hostOutput + 1024, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &prints{bytes: c.bytes}
			text, err := runBase(t.Context(), p, "ifconfig", "", kernel.Command{Jail: c.in, Argv: []string{"/sbin/ifconfig", "-a"}}, fine)
			if !p.limited {
				t.Error("no limit")
			}
			switch {
			case !c.cut && (err != nil || len(text) != c.bytes):
				t.Errorf("%d bytes, %v", len(text), err)
			case c.cut && (!errors.Is(err, syscall.EMSGSIZE) || text != "" || !strings.Contains(err.Error(), "/sbin/ifconfig is longer")):
				t.Errorf("%d bytes, %v", len(text), err)
			}
		})
	}
	refused := errors.New("refused")
	_, err := runBase(t.Context(), &prints{bytes: jailOutput * 2}, "ifconfig", "", kernel.Command{Jail: in, Argv: []string{"x"}},
		func(kernel.Exit, string, string) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("what the program complained of comes first: %v", err)
	}
}

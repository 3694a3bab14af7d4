package simkernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

func TestPrograms(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{Programs: map[string]Program{
		"daemon": func(ctx context.Context, p *Process) int {
			if _, err := p.Start(true, "/bin/sleep", "60"); err != nil {
				fmt.Fprintln(p.Stderr, err)
				return 1
			}
			return 0
		},
		"stubborn": func(ctx context.Context, p *Process) int {
			term := p.Trap(15)
			fmt.Fprint(p.Stdout, "ready")
			select {
			case <-ctx.Done():
			case <-term:
				<-ctx.Done() // takes no notice
			}
			return 0
		},
		"write": func(ctx context.Context, p *Process) int {
			if err := p.WriteFile(p.Argv[1], []byte("x"), 0o644); err != nil {
				fmt.Fprintln(p.Stderr, err)
				return 1
			}
			return 0
		},
	}})
	for _, name := range []string{"daemon", "stubborn", "write"} {
		check(t, os.WriteFile(filepath.Join(s.s.opts.Root, "rel/bin", name), []byte("text"), 0o755))
	}
	id := newJail(t, s, "a")
	run := func(argv ...string) (kernel.Exit, string) {
		t.Helper()
		var out bytes.Buffer
		e, err := s.Run(ctx, kernel.Command{Jail: id, Argv: argv, Env: []string{"PATH=/bin"}, Stdout: &out, Stderr: &out})
		check(t, err)
		return e, out.String()
	}
	for script, want := range map[string]string{
		"echo a; echo 'b  c'; echo \"d\"": "a\nb  c\nd\n",
		"true && echo yes || echo no":     "yes\n",
		"nosuch || echo no":               "sh: nosuch: not found\nno\n",
		"echo 'open":                      "sh: syntax error: unterminated quoted string\n",
		"echo one # two":                  "one\n",
	} {
		if _, out := run("sh", "-c", script); out != want {
			t.Errorf("%s: %q", script, out)
		}
	}
	if e, _ := run("write", "/etc/new"); e.Code != 0 {
		t.Errorf("write: %+v", e)
	}
	if e, out := run("write", "/bin/new"); e.Code != 1 {
		t.Errorf("write to a read-only mount: %+v %s", e, out)
	}
	if e, _ := run("daemon"); e.Code != 0 {
		t.Errorf("daemon: %+v", e)
	}
	procs, err := s.ProcessList(ctx, id.JID)
	if err != nil || len(procs) != 1 || procs[0].Command != "sleep" {
		t.Fatalf("%+v %v", procs, err)
	}
	tctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	e, err := s.Run(tctx, kernel.Command{Jail: id, Argv: []string{"/bin/stubborn"}, KillDelay: 20 * time.Millisecond})
	wantErr(t, err, context.DeadlineExceeded)
	if e.Signal != 9 {
		t.Errorf("SIGTERM is not enough: %+v", e)
	}
	check(t, s.JailRemove(ctx, id))
	check(t, s.ProcessWait(ctx, procs))
	waitFor(t, func() bool {
		_, err := s.JailGet(ctx, kernel.JailDying, kernel.ByJID(id.JID), "jid")
		return errors.Is(err, kernel.ErrNotFound)
	})
}

func FuzzShellWords(f *testing.F) {
	f.Add("echo 'a b' \"c\\\"d\"; false || true && x & # end")
	f.Add("a\\")
	f.Fuzz(func(t *testing.T, text string) {
		words, err := shellWords(text)
		if err != nil {
			return
		}
		for _, w := range words {
			if w.op && w.text != ";" && w.text != "&" && w.text != "&&" && w.text != "||" {
				t.Errorf("operator %q", w.text)
			}
		}
	})
}

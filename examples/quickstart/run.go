package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/examples/columns"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
)

type options struct {
	real, plan             bool
	pool, archive, release string
}

// run does the whole tour on the host that the options ask for. It always removes
// what it created.
func run(ctx context.Context, out io.Writer, o options) (err error) {
	var cleanup cleanups
	defer func() { err = errors.Join(err, cleanup.run()) }()

	open := openSimulated
	if o.real {
		open = openReal
	}
	h, fetch, err := open(ctx, o, &cleanup)
	if err != nil {
		return err
	}
	t := &tour{host: h, out: out, plan: o.plan}

	t.title("fetch %s", o.release)
	rel, err := release.New(ctx, h, o.release, "")
	if err != nil {
		return err
	}
	cleanup.add(func() error {
		return t.show(rel.Destroy(context.Background(), release.DestroyOptions{}))
	})
	if err := t.show(rel.Fetch(ctx, fetch)); err != nil {
		return err
	}
	var jails []*jail.Jail
	for _, name := range []string{"standalone", "basejail"} {
		j, err := t.create(ctx, name, o.release, &cleanup)
		if err != nil {
			return err
		}
		jails = append(jails, j)
	}
	for _, j := range jails {
		t.title("start %s", j.FullName())
		if err := t.run(ctx, j.Generator().Start(jail.StartOptions{})); err != nil {
			return err
		}
	}
	for _, j := range jails {
		if err := t.exec(ctx, j, "/bin/freebsd-version"); err != nil {
			return err
		}
	}
	t.title("list")
	list := columns.Options{Columns: []string{"jid", "full_name", "state", "release", "basejail", "dataset"}}
	if err := columns.Write(t.out, jail.List(ctx, t.host), list); err != nil {
		return err
	}
	for _, j := range jails {
		t.title("stop %s", j.FullName())
		if err := t.show(j.Generator().Stop(jail.StopOptions{}).Events(ctx)); err != nil {
			return err
		}
	}
	t.title("destroy everything")
	return nil
}

// tour runs operations on a host and prints their events.
type tour struct {
	host *host.Host
	out  io.Writer
	plan bool
}

func (t *tour) title(format string, args ...any) {
	fmt.Fprintf(t.out, "\n== "+format+"\n", args...)
}

// show prints events as they arrive, indented by their depth, and returns the
// operation's error.
func (t *tour) show(ch <-chan events.IocEvent) error {
	return events.Each(ch, func(e events.IocEvent) {
		depth, line := e.Head().Depth, e.String()
		switch e := e.(type) {
		case events.ReleaseAssetDownload:
			line += fmt.Sprintf(" %d of %d bytes", e.Received, e.Total)
		case events.ReleaseExtraction:
			line += fmt.Sprintf(" %d of %d bytes", e.Received, e.Total)
		case events.JailHookOutput:
			line = "| " + strings.TrimSpace(e.Data)
		}
		fmt.Fprintf(t.out, "%s%s\n", strings.Repeat("  ", depth), line)
	})
}

func (t *tour) create(ctx context.Context, name, rel string, cleanup *cleanups) (*jail.Jail, error) {
	t.title("create %s", name)
	j, err := jail.New(ctx, t.host, jail.Spec{Name: name})
	if err != nil {
		return nil, err
	}
	o := jail.CreateOptions{Release: rel, Basejail: name == "basejail"}
	if err := t.run(ctx, j.Generator().Create(o)); err != nil {
		return nil, err
	}
	cleanup.add(func() error {
		return t.show(j.Generator().Destroy(jail.DestroyOptions{Force: true}).Events(context.Background()))
	})
	return j, nil
}

// run runs an operation, after its plan has been printed if that was asked for.
func (t *tour) run(ctx context.Context, op *jail.Operation) error {
	if t.plan {
		p, err := op.Plan(ctx)
		if err != nil {
			return err
		}
		fmt.Fprint(t.out, p)
	}
	return t.show(op.Events(ctx))
}

func (t *tour) exec(ctx context.Context, j *jail.Jail, argv ...string) error {
	t.title("exec in %s: %s", j.FullName(), strings.Join(argv, " "))
	began := time.Now()
	result, err := j.Exec(ctx, argv, jail.ExecOptions{})
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("exec in %s: exit status %d: %s", j.FullName(), result.ExitCode, result.Stderr)
	}
	fmt.Fprintf(t.out, "%s [%.3fs]\n", bytes.TrimSpace(result.Stdout), time.Since(began).Seconds())
	return nil
}

// cleanups run in reverse order, all of them.
type cleanups struct{ list []func() error }

func (c *cleanups) add(f func() error) { c.list = append(c.list, f) }

func (c *cleanups) run() error {
	var all error
	for _, undo := range slices.Backward(c.list) {
		err := undo()
		if !errors.Is(err, release.ErrNotFetched) { // nothing to destroy
			all = errors.Join(all, err)
		}
	}
	return all
}

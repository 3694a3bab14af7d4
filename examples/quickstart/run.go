package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
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
		if err := t.start(ctx, j); err != nil {
			return err
		}
	}
	for _, j := range jails {
		if err := t.exec(ctx, j, "/bin/freebsd-version"); err != nil {
			return err
		}
	}
	t.title("list")
	if err := t.list(ctx); err != nil {
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
	if t.plan {
		p, err := j.Generator().Create(o).Plan(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Fprint(t.out, p)
	}
	if err := t.show(j.Generator().Create(o).Events(ctx)); err != nil {
		return nil, err
	}
	cleanup.add(func() error {
		return t.show(j.Generator().Destroy(jail.DestroyOptions{Force: true}).Events(context.Background()))
	})
	return j, nil
}

func (t *tour) start(ctx context.Context, j *jail.Jail) error {
	t.title("start %s", j.FullName())
	if t.plan {
		p, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
		if err != nil {
			return err
		}
		fmt.Fprint(t.out, p)
	}
	return t.show(j.Generator().Start(jail.StartOptions{}).Events(ctx))
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

func (t *tour) list(ctx context.Context) error {
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "JID\tNAME\tSTATE\tRELEASE\tBASEJAIL\tDATASET")
	for j, err := range jail.List(ctx, t.host) {
		if err != nil {
			return err
		}
		jid, state := "-", "down"
		if s := j.Status(); s.Running {
			jid, state = fmt.Sprint(s.Identity.JID), "up"
		}
		eff := j.Effective()
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%t\t%s\n",
			jid, j.FullName(), state, key.Release.Of(eff), key.Basejail.Of(eff), j.Dataset())
	}
	return table.Flush()
}

// cleanups run in reverse order, all of them.
type cleanups struct{ list []func() error }

func (c *cleanups) add(f func() error) { c.list = append(c.list, f) }

func (c *cleanups) run() error {
	var all error
	for i := len(c.list) - 1; i >= 0; i-- {
		err := c.list[i]()
		if !errors.Is(err, release.ErrNotFetched) { // nothing to destroy
			all = errors.Join(all, err)
		}
	}
	return all
}

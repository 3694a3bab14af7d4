package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/examples/columns"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
)

// commands are what run knows.
var commands = []string{"start", "stop", "status", "watch", "supervise"}

type options struct {
	budget   time.Duration
	parallel int
	format   string
}

func (o options) run(ctx context.Context, h *host.Host, out io.Writer, command string) error {
	many := fleet.Options{Parallel: o.parallel, OnResult: func(r fleet.Result) { report(out, r) }}
	switch command {
	case "start":
		// Clean up after a crash first. If that fails for a jail, its start fails
		// too and says why.
		_, recovered := jail.Recover(ctx, h)
		results, err := fleet.Boot(ctx, h, fleet.BootOptions{Options: many, Budget: o.budget})
		return errors.Join(err, recovered, results.Err())
	case "stop":
		results, err := fleet.Shutdown(ctx, h, fleet.ShutdownOptions{Options: many, Budget: o.budget})
		return errors.Join(err, results.Err())
	case "status":
		list := jail.ListOptions{Sort: []string{"priority", "full_name"}}.List(ctx, h)
		return columns.Write(out, marked(list), columns.Options{
			Format:  columns.Format(o.format),
			Columns: []string{"full_name", "state", "jid", "boot", "priority", "depends", "foreign"},
		})
	case "watch":
		return watch(ctx, h, out)
	case "supervise":
		s := fleet.NewSupervisor(h, fleet.SupervisorOptions{Parallel: o.parallel, Report: func(e fleet.Supervision) {
			fmt.Fprintln(out, e.Jail+":", e.Kind, text(e.Err))
		}})
		return unlessInterrupted(s.Run(ctx))
	}
	return fmt.Errorf("unknown command %q", command)
}

// report prints one line for each jail, like rc(8) scripts.
func report(out io.Writer, r fleet.Result) {
	fmt.Fprintf(out, "%s: %v%s %s\n", r.Jail.FullName(), r.Outcome, note(r), text(r.Err))
}

func note(r fleet.Result) string {
	switch {
	case r.Note != "":
		return " (" + r.Note + ")"
	case r.Dependency:
		return " (others depend on it)"
	}
	return ""
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// marked returns the jails that run or are marked.
func marked(list columns.Jails) columns.Jails {
	return func(yield func(*jail.Jail, error) bool) {
		for j, err := range list {
			if j != nil && err == nil && !j.Status().Running {
				if !key.Boot.Of(j.Effective()) {
					continue
				}
			}
			if !yield(j, err) {
				return
			}
		}
	}
}

func watch(ctx context.Context, h *host.Host, out io.Writer) error {
	for c, err := range fleet.Watch(ctx, h) {
		if err != nil {
			return unlessInterrupted(err)
		}
		line := fmt.Sprintf("%s %v", c.Jail, c.Kind)
		if !c.Identity.IsZero() {
			line += fmt.Sprintf(" jid %d", c.Identity.JID)
		}
		if c.Merged > 0 {
			line += fmt.Sprintf(" (and %d more before)", c.Merged)
		}
		fmt.Fprintln(out, line)
	}
	return nil
}

func unlessInterrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Boot starts and stops the jails of a FreeBSD host with the host itself:
//
//	boot start      starts every jail marked boot=yes and its dependencies
//	boot stop       stops every running jail of the host's sources
//	boot status     lists the jails that are marked or running
//	boot watch      prints what happens to jails until it is interrupted
//	boot supervise  checks health probes and restarts jails until it is interrupted
//
// The script rc.d/ioc calls it at boot and shutdown. With -sim DIR it works on a
// simulated host in that directory instead, on any system and without root.
//
// It exits with 0 on success, with 1 if some jails did not start or stop, which it
// names on standard error, and with 2 for a wrong command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
)

func main() {
	jail.Main()
	var o options
	sim := flag.String("sim", "", "work on the simulated host in this directory")
	flag.DurationVar(&o.budget, "budget", 0, "how long start or stop may take; 0 is 5m for start and 80s for stop")
	flag.IntVar(&o.parallel, "parallel", 0, "how many jails to start or stop at a time; 0 is twice the processors")
	flag.StringVar(&o.format, "format", "table", "of status: table, json or csv")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: boot [flags] start | stop | status | watch | supervise")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || !slices.Contains(commands, flag.Arg(0)) {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := withHost(ctx, *sim, func(h *host.Host) error { return o.run(ctx, h, os.Stdout, flag.Arg(0)) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "boot:", err)
		os.Exit(1)
	}
}

func withHost(ctx context.Context, sim string, do func(*host.Host) error) error {
	if sim == "" {
		h, err := host.Open(ctx, host.Options{})
		if err != nil {
			return err
		}
		return do(h)
	}
	h, err := simhost.New(sim)
	if err != nil {
		return err
	}
	return errors.Join(do(h.Host), h.Close())
}

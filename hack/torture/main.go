package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/jail"
)

// options are the command line.
type options struct {
	seed      uint64
	duration  time.Duration
	rounds    int // 0 is as many as there is time for
	dir       string
	real      bool
	pool      string
	archive   string
	verbose   bool
	worker    bool // this is a program that will be killed
	life      uint64
	programs  int // that one worker runs at once
	byHand    bool
	full      bool // the pool of a simulated host
	childArgs []string
	addresses *addresses
}

func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet("torture", flag.ContinueOnError)
	f.Uint64Var(&o.seed, "seed", 0, "replay the order of what was done with this seed; 0 makes a new one")
	f.DurationVar(&o.duration, "time", time.Minute, "how long to go on")
	f.IntVar(&o.rounds, "rounds", 0, "stop after so many rounds; 0 is no limit")
	f.StringVar(&o.dir, "dir", "", "directory of the simulated host, the ledger and copies of journals; the default is a temporary one, which is kept after a finding")
	f.BoolVar(&o.real, "real", false, "use the FreeBSD machine this runs on")
	f.StringVar(&o.pool, "pool", "", "with -real: the ZFS pool to work in")
	f.StringVar(&o.archive, "archive", "", "a release archive, such as base.txz; the default is a tiny one whose jails run no command")
	f.BoolVar(&o.verbose, "v", false, "print what the programs and the administrator did in each round")
	f.BoolVar(&o.worker, "worker", false, "for torture itself: be a program that is killed")
	f.Uint64Var(&o.life, "life", 0, "for torture itself: seed of a worker")
	f.IntVar(&o.programs, "programs", 1, "for torture itself: programs in one worker")
	f.BoolVar(&o.byHand, "byhand", false, "for torture itself: a worker on a simulated host is also the administrator")
	f.BoolVar(&o.full, "full", false, "for torture itself: the pool of a simulated host is full")
	return f
}

func main() {
	jail.Main()
	var o options
	if err := o.flags().Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.worker {
		if err := work(ctx, os.Stdout, o); err != nil {
			fmt.Println(unexpected, err)
			os.Exit(1)
		}
		return
	}
	wrong, err := torture(ctx, os.Stdout, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
	}
	if wrong > 0 || err != nil {
		stop()
		os.Exit(1)
	}
}

// Quickstart leads two jails through their whole life and prints every event:
// fetch a release, create two jails (one with its own root, one basejail), start
// them, run a command, list them, stop and destroy them.
//
// Without arguments it does so on a simulated host in a temporary directory, on
// any system and without root. On a FreeBSD machine, as root,
//
//	quickstart -real -pool zroot -archive base.txz
//
// does the same with real ZFS, a real archive and real jails, below the dataset
// POOL/ioc-quickstart, which it creates and destroys.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/libioc/go-libioc/jail"
)

func main() {
	jail.Main()
	var o options
	flag.BoolVar(&o.real, "real", false, "use the FreeBSD machine this runs on")
	flag.StringVar(&o.pool, "pool", "", "with -real: the ZFS pool to work in")
	flag.StringVar(&o.archive, "archive", "", "with -real: a release archive, such as base.txz")
	flag.StringVar(&o.release, "release", "13.2-RELEASE", "name of the release in the archive")
	flag.BoolVar(&o.plan, "n", false, "print the plans of create and start before they run")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

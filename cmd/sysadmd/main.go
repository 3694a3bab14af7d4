// Sysadmd serves the "iocage" class of the SysAdm API, over REST and WebSocket,
// for the jails of this FreeBSD machine or, with -demo, of a simulated one:
//
//	sysadmd -demo                          on any system, without root
//	sysadmd -config /usr/local/etc/sysadmd.conf
//	sysadmd passwd alice admin             prints a line for the file of users
//	sysadmd openapi                        prints the OpenAPI description
//
// sysadmd.conf.sample lists all settings; rc.d/sysadmd starts it on FreeBSD. On
// SIGTERM or SIGINT it refuses new calls and lets running jobs end.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/libioc/go-libioc/jail"
)

func main() {
	jail.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout, os.Stderr, os.Args[1:]); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "sysadmd:", err)
		os.Exit(1)
	}
}

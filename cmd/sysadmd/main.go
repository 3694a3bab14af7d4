// Sysadmd serves the "iocage" class of the SysAdm API, over REST and WebSocket,
// for the jails of this FreeBSD machine or, with -demo, of a simulated one:
//
//	sysadmd -demo                          on any system, without root
//	sysadmd -config /usr/local/etc/sysadmd.conf
//	sysadmd passwd alice admin             prints a line for the file of users
//	sysadmd openapi                        prints the OpenAPI description
//	sysadmd -version                       prints the version
//
// sysadmd.conf.sample lists all settings; rc.d/sysadmd starts it on FreeBSD. On
// SIGTERM or SIGINT it refuses new calls and lets running jobs end.
//
// It exits with 0 on success, with 1 after an error, and with 2 for a wrong command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/libioc/go-libioc/jail"
)

func main() {
	jail.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdin, os.Stdout, os.Stderr, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage): // told already
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "sysadmd:", err)
		os.Exit(1)
	}
}

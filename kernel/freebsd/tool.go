package freebsd

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
)

const (
	// toolLimit is how long one program that reads or configures a network may take.
	// In a jail it may be anything: the jail's root can replace it.
	toolLimit = 30 * time.Second
	// jailOutput is the longest that the output of such a program of a jail may be, in
	// bytes, and hostOutput that of one of the host, where pf(4) lists states by the
	// hundred thousand.
	jailOutput = 4 << 20
	hostOutput = 32 << 20
)

// runBase runs a program of the base system, whose output is to be parsed, and returns
// its standard output. What failed makes an error of an exit other than success, or of
// what the program complained of. An output that is too long is an error of its own:
// half a list of interfaces, addresses or rules would be taken for the whole.
func runBase(ctx context.Context, k kernel.Processes, op, subject string, cmd kernel.Command, failed func(exit kernel.Exit, stdout, stderr string) error) (string, error) {
	most := hostOutput
	if !cmd.Jail.IsZero() {
		most = jailOutput
	}
	stdout, stderr := tail.First(most), tail.First(most)
	cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C", "IFCONFIG_FORMAT=inet:cidr,inet6:cidr"}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	exit, err := kernel.Run(ctx, k, toolLimit, cmd)
	text := stdout.String()
	if err == nil {
		err = failed(exit, text, stderr.String())
	}
	if dropped := stdout.Dropped(); err == nil && dropped > 0 {
		err = &kernel.CallError{
			Op: op, Subject: subject, Errno: syscall.EMSGSIZE,
			Msg: fmt.Sprintf("the output of %s is longer than %d bytes, by %d", cmd.Argv[0], most, dropped),
		}
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

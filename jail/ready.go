package jail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/pause"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
)

// ErrNotReady: the jail runs, and its ready probe does not succeed. A
// *NotReadyError names the check.
var ErrNotReady = errors.New("jail is not ready")

// NotReadyError is a jail whose probe did not succeed in time.
type NotReadyError struct {
	Jail  string
	Check config.ProbeCheck
	After time.Duration
	Err   error // of the last attempt
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("jail %s is not ready after %v: %s: %v", e.Jail, e.After.Round(time.Millisecond), e.Check, e.Err)
}

// Is makes errors.Is(err, ErrNotReady) true.
func (e *NotReadyError) Is(target error) bool { return target == ErrNotReady }

// Unwrap returns the error of the last attempt.
func (e *NotReadyError) Unwrap() error { return e.Err }

// attempt bounds one attempt of a ready probe.
const attempt = 5 * time.Second

// WaitReady waits until the running jail's ready probe succeeds; a jail without
// one is ready when it runs. Errors: *NotReadyError if the probe's timeout or the
// context ends first, ErrNotRunning if the jail does not run or ends while it is
// waited for, ErrConfig for an invalid probe.
func (j *Jail) WaitReady(ctx context.Context) error {
	j = j.still()
	p, err := j.ReadyProbe()
	if err != nil {
		return j.refused("wait for", err)
	}
	if len(p.Checks) == 0 {
		return nil
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	wait := min(p.Interval, 20*time.Millisecond)
	var failed config.ProbeCheck
	var last error
	for {
		check, err := j.try(ctx, p, attempt)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrNotRunning):
			return j.refused("wait for", err)
		case last == nil || time.Since(began) < p.Timeout && ctx.Err() == nil:
			failed, last = check, err // not one that was only cut short
		}
		if pause.For(ctx, wait) != nil {
			return &NotReadyError{Jail: j.FullName(), Check: failed, After: time.Since(began), Err: last}
		}
		wait = min(p.Interval, 2*wait)
	}
}

// Healthy makes one attempt of the jail's health probe; without one it returns
// nil. Errors: *NotReadyError, ErrNotRunning, ErrConfig.
func (j *Jail) Healthy(ctx context.Context) error {
	j = j.still()
	p, err := j.HealthProbe()
	if err != nil {
		return j.refused("check", err)
	}
	began := time.Now()
	failed, err := j.try(ctx, p, p.Timeout)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotRunning):
		return j.refused("check", err)
	}
	return &NotReadyError{Jail: j.FullName(), Check: failed, After: time.Since(began), Err: err}
}

// try makes all checks once and names the one that failed.
func (j *Jail) try(ctx context.Context, p Probe, timeout time.Duration) (config.ProbeCheck, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, c := range p.Checks {
		if err := j.check(ctx, timeout, c); err != nil {
			return c, err
		}
	}
	return config.ProbeCheck{}, nil
}

func (j *Jail) check(ctx context.Context, limit time.Duration, c config.ProbeCheck) error {
	switch c.Kind {
	case "tcp":
		return j.checkTCP(ctx, limit, c)
	case "exec":
		return j.checkExec(ctx, limit, c.Argv)
	case "file":
		return j.checkFile(ctx, c.Text)
	}
	return j.checkProcess(ctx, c.Text)
}

func (j *Jail) checkExec(ctx context.Context, limit time.Duration, argv []string) error {
	said := tail.Last(step.MaxOutput)
	result, err := j.execFor(ctx, limit, argv, ExecOptions{Stdout: said, Stderr: said})
	if err != nil || result.ExitCode == 0 {
		return err
	}
	return errors.New(tail.Ended(nil, result.Signal, result.ExitCode, said.String()))
}

// checkFile looks below the jail's root and follows no symbolic link.
func (j *Jail) checkFile(ctx context.Context, path string) error {
	if _, err := j.Identity(ctx); err != nil {
		return err
	}
	root, err := j.openRoot(ctx)
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = root.Lstat(strings.TrimLeft(path, "/"))
	return err
}

var errNoProcess = errors.New("no process of that name")

func (j *Jail) checkProcess(ctx context.Context, name string) error {
	id, err := j.Identity(ctx)
	if err != nil {
		return err
	}
	list, err := j.host.Kernel.ProcessList(ctx, id.JID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(p kernel.Process) bool { return p.Command == name }) {
		return errNoProcess
	}
	return nil
}

// checkTCP connects to the jail's first address. The host may have no route into
// a network stack of the jail's own, so there the jail's nc(1) connects.
func (j *Jail) checkTCP(ctx context.Context, limit time.Duration, c config.ProbeCheck) error {
	address, port, err := c.TCP()
	if err != nil {
		return err
	}
	id, err := j.Identity(ctx)
	if err != nil {
		return err
	}
	p, err := j.host.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), "vnet", "ip4", "ip6", "ip4.addr", "ip6.addr")
	if errors.Is(err, kernel.ErrNotFound) {
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	if kernel.JailSys(p.Int("vnet")) == kernel.JailSysNew {
		if address == "" {
			address = "localhost"
		}
		return j.checkExec(ctx, limit, []string{"/usr/bin/nc", "-z", "-w", "5", address, strconv.Itoa(port)})
	}
	if address == "" {
		if address = stackAddress(p); address == "" {
			return errNoAddress
		}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return conn.Close()
}

var errNoAddress = errors.New("the jail has no address")

// stackAddress returns an address that the jail's programs listen on.
func stackAddress(p kernel.Params) string {
	for _, family := range []struct {
		name, local string
		size        int
	}{{"ip4", "127.0.0.1", 4}, {"ip6", "::1", 16}} {
		addrs := p.Addrs(family.name+".addr", family.size)
		switch {
		case len(addrs) > 0:
			return addrs[0].String()
		case kernel.JailSys(p.Int(family.name)) == kernel.JailSysInherit:
			return family.local
		}
	}
	return ""
}

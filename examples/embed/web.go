// Package embed shows code that uses the library, and its test, which runs on a
// simulated host on any system.
package embed

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
)

// Web keeps the jail of a web server running.
type Web struct {
	Host    *host.Host
	Release string
}

// Ensure creates the jail if it does not exist and starts it if it is down. It
// returns what it had to do.
func (w *Web) Ensure(ctx context.Context, name string) (did []string, err error) {
	j, err := jail.Load(ctx, w.Host, name)
	if errors.Is(err, jail.ErrNotFound) {
		if j, err = w.create(ctx, name); err == nil {
			did = append(did, "created")
		}
	}
	if err != nil {
		return did, err
	}
	_, err = j.Start(ctx, jail.StartOptions{Busy: jail.BusyWait})
	switch {
	case err == nil:
		did = append(did, "started")
	case !errors.Is(err, jail.ErrRunning):
		return did, err
	}
	return did, nil
}

func (w *Web) create(ctx context.Context, name string) (*jail.Jail, error) {
	j, err := jail.New(ctx, w.Host, jail.Spec{
		Name:       name,
		Properties: map[string]string{"user.role": "web", "boot": "yes"},
	})
	if err != nil {
		return nil, err
	}
	_, err = j.Create(ctx, jail.CreateOptions{Release: w.Release, Basejail: true})
	return j, err
}

// Check runs the server's own test in the jail.
func (w *Web) Check(ctx context.Context, name string, argv ...string) error {
	j, err := jail.Load(ctx, w.Host, name)
	if err != nil {
		return err
	}
	result, err := j.Exec(ctx, argv, jail.ExecOptions{})
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("%s in %s: exit status %d", argv[0], name, result.ExitCode)
	}
	return nil
}

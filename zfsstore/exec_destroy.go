package zfsstore

import (
	"context"
	_ "embed"
	"errors"
	"strings"
)

// destroyProgram is run by zfs-program(8).
//
//go:embed destroy.lua
var destroyProgram string

// destroyProved destroys a dataset if it has the guid in the command line.
func (e *Exec) destroyProved(ctx context.Context, c command) error {
	c.op = "destroy"
	if strings.Contains(c.dataset, "@") {
		return c.refuse(-1, ErrInvalidName, "cannot destroy '%s': invalid character @ in name", c.dataset)
	}
	c.input = strings.NewReader(destroyProgram)
	err := e.change(ctx, c, nil)
	if refusal, ok := errors.AsType[*Error](err); ok {
		refusal.Stderr = programError(refusal.Stderr)
		if errors.Is(err, ErrNoPool) {
			refusal.Err = ErrNotFound // as with zfs-destroy(8)
		}
	}
	return err
}

// programError returns the message of the program in what zfs-program(8) wrote, without
// the traceback of the interpreter.
func programError(stderr string) string {
	if _, message, ok := strings.Cut(stderr, "Channel program execution failed:\n"); ok {
		message, _, _ = strings.Cut(message, "\nstack traceback:")
		return strings.TrimSuffix(message, "\n") + "\n"
	}
	return stderr
}

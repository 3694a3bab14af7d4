//go:build !linux && !freebsd

package archive_test

import (
	"errors"
	"testing"
)

func immutable(string) (bool, error) { return false, errors.ErrUnsupported }

func clearFlags(testing.TB, string) {}

package freebsd

import (
	"errors"
	"runtime"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// TestNew: New fails, and says what it needs, everywhere but on FreeBSD.
func TestNew(t *testing.T) {
	k, err := New()
	if runtime.GOOS == "freebsd" {
		if k == nil || err != nil {
			t.Fatal(k, err)
		}
		return
	}
	if k != nil || !errors.Is(err, kernel.ErrUnsupported) {
		t.Fatalf("%v, %v", k, err)
	}
	want := "kernel: needs 64-bit FreeBSD 13.2 or later, this is " + runtime.GOOS + "/" + runtime.GOARCH
	if err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

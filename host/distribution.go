package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// Distribution is a distribution of FreeBSD.
type Distribution string

// The distributions whose releases can be fetched.
const (
	FreeBSD     Distribution = "FreeBSD"
	HardenedBSD Distribution = "HardenedBSD"
)

// ErrReleaseUnknown means that the kernel's version does not name a release (libioc:
// HostReleaseUnknown).
var ErrReleaseUnknown = errors.New("release of the host is unknown")

// Distribution returns the host's distribution: HardenedBSD has hbsd-update.
func (h *Host) Distribution() (Distribution, error) {
	_, err := os.Stat(h.opts.Files.HBSDUpdate)
	switch {
	case err == nil:
		return HardenedBSD, nil
	case errors.Is(err, fs.ErrNotExist):
		return FreeBSD, nil
	}
	return "", err
}

var hardenedRelease = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)?-([A-Z]+)-HBSD`)

// Release returns the release of the host's kernel without patch level, the newest
// one whose userland a jail may have: 13.2-RELEASE if uname -r prints
// 13.2-RELEASE-p5, and 14-CURRENT if it prints HardenedBSD's 14-CURRENT-HBSD. It
// returns ErrReleaseUnknown.
func (h *Host) Release(ctx context.Context) (string, error) {
	f, err := h.Kernel.Features(ctx)
	if err != nil {
		return "", err
	}
	if m := hardenedRelease.FindStringSubmatch(f.OSRelease); m != nil {
		return m[1] + "-" + m[3], nil
	}
	parts := strings.Split(f.OSRelease, "-")
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return "", fmt.Errorf("%w: %q", ErrReleaseUnknown, f.OSRelease)
	}
	return parts[0] + "-" + parts[1], nil
}

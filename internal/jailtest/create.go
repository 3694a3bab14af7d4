package jailtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release/releasetest"
)

// Release is the name of the release that tests make jails of.
const Release = "13.2-RELEASE"

// NewHost returns a simulated host with the release [Release].
func NewHost(t testing.TB) *simhost.Host {
	t.Helper()
	h := OpenHost(t, simhost.Options{})
	Fetch(t, h)
	return h
}

// Fetch brings the release [Release] onto a host.
func Fetch(t testing.TB, h *simhost.Host) {
	t.Helper()
	require.NoError(t, releasetest.Fetch(context.Background(), h.Host, Release))
}

// NewJail creates a jail of [Release].
func NewJail(t testing.TB, h *simhost.Host, name string, basejail bool, properties map[string]string) *jail.Jail {
	t.Helper()
	ctx := context.Background()
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: name, Properties: properties})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Release: Release, Basejail: basejail})
	require.NoError(t, err)
	return j
}

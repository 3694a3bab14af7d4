package jailtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/release/releasetest"
)

// Updater stands in for freebsd-update(8).
type Updater struct {
	mu      sync.Mutex
	Newest  string // what fetch finds; empty: no updates
	Fail    bool   // install fails half-way
	Instead string // what install brings in place of that; "none": it finds no updates
	Argv    [][]string

	to      string // what install brings
	pending bool
}

func (u *Updater) program(_ context.Context, p *simkernel.Process) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.Argv = append(u.Argv, p.Argv)
	base := p.Argv[slices.Index(p.Argv, "-b")+1]
	switch p.Argv[len(p.Argv)-1] {
	case "fetch":
		u.to, u.pending = u.Newest, u.Newest != ""
		return 0
	case "upgrade":
		u.to = p.Argv[slices.Index(p.Argv, "-r")+1]
		u.pending = true
		return 0
	case "install":
		if u.pending && u.Instead != "" {
			u.to, u.pending = u.Instead, u.Instead != "none"
		}
		if !u.pending {
			fmt.Fprintln(p.Stdout, "No updates are available to install.")
			return 2
		}
		if err := p.WriteFile(base+"/bin/sh", []byte("new "+u.to), 0o555); err != nil {
			fmt.Fprintln(p.Stderr, err)
			return 1
		}
		if u.Fail {
			fmt.Fprintln(p.Stdout, "install: No space left on device")
			return 1
		}
		p.WriteFile(base+"/bin/freebsd-version", []byte("USERLAND_VERSION=\""+u.to+"\"\n"), 0o555)
		u.pending = false
		return 0
	}
	return 64
}

// UpdateHost is a host with a 15.1 kernel and the releases [Release] and 14.3.
func UpdateHost(t testing.TB, u *Updater, change ...func(*simhost.Options)) *simhost.Host {
	t.Helper()
	o := simhost.Options{Release: "15.1-RELEASE", Programs: map[string]simkernel.Program{"freebsd-update": u.program}}
	for _, c := range change {
		c(&o)
	}
	h := OpenHost(t, o)
	for _, name := range []string{Release, "14.3-RELEASE"} {
		require.NoError(t, releasetest.Fetch(context.Background(), h.Host, name))
	}
	return h
}

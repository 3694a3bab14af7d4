package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// newHost is a host over a mock with the given pools, whose files are in dir.
func newHost(t *testing.T, dir string, opts host.Options, pools ...simzfs.Pool) *host.Host {
	t.Helper()
	for i := range pools {
		pools[i].Altroot = filepath.Join(dir, "mnt")
	}
	store, err := simzfs.New(simzfs.Options{Pools: pools})
	require.NoError(t, err)
	sim, err := simkernel.New(simkernel.Options{})
	require.NoError(t, err)
	opts.Files.RCConf = filepath.Join(dir, "rc.conf")
	opts.RunDir = filepath.Join(dir, "run")
	opts.StateDir = filepath.Join(dir, "db")
	h, err := host.New(store, sim, opts)
	require.NoError(t, err)
	return h
}

// TestOpenElsewhere: only FreeBSD has a real host, and the error says so.
func TestOpenElsewhere(t *testing.T) {
	if runtime.GOOS == "freebsd" {
		t.Skip("this is FreeBSD")
	}
	h, err := host.Open(t.Context(), host.Options{})
	require.Nil(t, h)
	require.ErrorIs(t, err, kernel.ErrUnsupported)
	require.ErrorContains(t, err, "open host: kernel: needs 64-bit FreeBSD 13.2 or later")
}

func TestSources(t *testing.T) {
	ctx := context.Background()
	tank := simzfs.Pool{Name: "tank"}
	zroot := simzfs.Pool{Name: "zroot"}
	cases := []struct {
		name  string
		rc    string
		setup func(t *testing.T, s zfsstore.Store)
		given []host.Source
		want  []host.Source
		err   error
	}{
		{name: "none", err: host.ErrNotActivated},
		{
			name: "given ones win", rc: "ioc_dataset_rc=\"tank/rc\"\n",
			given: []host.Source{{Name: "mine", Dataset: "tank/mine"}},
			want:  []host.Source{{Name: "mine", Dataset: "tank/mine"}},
		},
		{
			name: "rc.conf in order, shell code around it",
			rc:   "# jails\nif true; then\n:\nfi\nioc_dataset_b=\"tank/b\"\nioc_dataset_a=zroot/a\n",
			want: []host.Source{{Name: "b", Dataset: "tank/b"}, {Name: "a", Dataset: "zroot/a"}},
		},
		{name: "rc.conf with a bad name", rc: "ioc_dataset_a_=\"tank/a\"\n", err: host.ErrInvalidSourceName},
		{
			name: "activated pool",
			setup: func(t *testing.T, s zfsstore.Store) {
				require.NoError(t, s.Set(ctx, "zroot", map[string]string{host.ActiveProperty: "yes"}))
				require.NoError(t, s.Set(ctx, "tank", map[string]string{host.ActiveProperty: "no"}))
			},
			want: []host.Source{{Name: "ioc", Dataset: "zroot/iocage"}},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.rc != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "rc.conf"), []byte(c.rc), 0o644))
			}
			h := newHost(t, dir, host.Options{Sources: c.given}, tank, zroot)
			if c.setup != nil {
				c.setup(t, h.Store)
			}
			got, err := h.Sources(ctx)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, got)
			if c.err != nil {
				return
			}
			s, err := h.Source(ctx, c.want[0].Name)
			require.NoError(t, err)
			require.Equal(t, c.want[0], s)
			_, err = h.Source(ctx, "other")
			require.ErrorIs(t, err, host.ErrSourceNotFound)
		})
	}
}

func TestReadingCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	h := newHost(t, dir, host.Options{}, simzfs.Pool{Name: "tank"})
	ctx := context.Background()
	_, err := h.Sources(ctx)
	require.ErrorIs(t, err, host.ErrNotActivated)
	_, err = h.Mounts(ctx)
	require.NoError(t, err)
	sets, err := h.Store.List(ctx, "", zfsstore.ListOptions{})
	require.NoError(t, err)
	require.Len(t, sets, 1)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "only the mock's own directory")
}

func TestMountTable(t *testing.T) {
	table := host.MountTable{
		{Type: "zfs", From: "tank", Path: "/tank"},
		{Type: "zfs", From: "tank/a", Path: "/tank/a"},
		{Type: "devfs", From: "devfs", Path: "/tank/a/dev"},
		{Type: "fdescfs", From: "fdescfs", Path: "/tank/a/dev/fd"},
		{Type: "nullfs", From: "/x", Path: "/tank/ab"},
		{Type: "zfs", From: "tank/a", Path: "/elsewhere"},
	}
	path, ok := table.Dataset("tank/a")
	require.True(t, ok)
	require.Equal(t, "/elsewhere", path, "the newest mount of a dataset")
	_, ok = table.Dataset("tank/none")
	require.False(t, ok)
	require.Equal(t, host.MountTable{table[3], table[2]}, table.Below("/tank/a"), "newest first, no sibling")
	m, ok := table.At("/tank/ab")
	require.True(t, ok)
	require.Equal(t, "nullfs", m.Type)
}

func TestLock(t *testing.T) {
	ctx := context.Background()
	h := newHost(t, t.TempDir(), host.Options{}, simzfs.Pool{Name: "tank"})
	unlock, err := h.Lock(ctx, "ioc/jail/web", "start", host.BusyFail)
	require.NoError(t, err)

	_, err = h.Lock(ctx, "ioc/jail/web", "stop", host.BusyFail)
	require.ErrorIs(t, err, host.ErrBusy)
	var busy *host.BusyError
	require.ErrorAs(t, err, &busy)
	require.Equal(t, "start", busy.Holder.Operation)
	require.Equal(t, os.Getpid(), busy.Holder.PID)

	other, err := h.Lock(ctx, "ioc/jail/db", "stop", host.BusyFail)
	require.NoError(t, err, "another resource is free")
	other()

	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err = h.Lock(short, "ioc/jail/web", "stop", host.BusyWait)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, host.ErrBusy)

	got := make(chan error, 1)
	go func() {
		unlock, err := h.Lock(ctx, "ioc/jail/web", "stop", host.BusyWait)
		if err == nil {
			unlock()
		}
		got <- err
	}()
	unlock()
	require.NoError(t, <-got)
}

// Two hosts over the same directories exclude each other as two processes do,
// since flock(2) belongs to the open file.
func TestLockAcrossProcesses(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	one := newHost(t, dir, host.Options{}, simzfs.Pool{Name: "one"})
	two := newHost(t, dir, host.Options{}, simzfs.Pool{Name: "two"})
	unlock, err := one.Lock(ctx, "ioc/jail/web", "start", host.BusyFail)
	require.NoError(t, err)
	_, err = two.Lock(ctx, "ioc/jail/web", "stop", host.BusyFail)
	var busy *host.BusyError
	require.ErrorAs(t, err, &busy)
	require.Equal(t, "start", busy.Holder.Operation, "named from the lock file")

	time.AfterFunc(10*time.Millisecond, unlock)
	unlock2, err := two.Lock(ctx, "ioc/jail/web", "stop", host.BusyWait)
	require.NoError(t, err)
	unlock2()
	left, err := os.ReadDir(filepath.Join(dir, "run", "ioc", "jail"))
	require.NoError(t, err)
	require.Empty(t, left, "lock files are removed")
}

func TestNewUUID(t *testing.T) {
	h := newHost(t, t.TempDir(), host.Options{}, simzfs.Pool{Name: "tank"})
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, b := h.NewUUID(), h.NewUUID()
	require.Regexp(t, form, a)
	require.NotEqual(t, a, b)
}

func TestNewRefusesBadSources(t *testing.T) {
	for _, s := range []host.Source{{"", "tank/a"}, {"a b", "tank/a"}, {"a/b", "tank"}, {"a", ""}, {"a", "tank@snap"}} {
		_, err := host.New(nil, nil, host.Options{Sources: []host.Source{s}})
		require.Error(t, err, "%+v", s)
		if s.Dataset == "tank/a" {
			require.True(t, errors.Is(err, host.ErrInvalidSourceName))
		}
	}
}

// TestSourcesThatShareKernelNames: the jail b-c of the source a and the jail c of the
// source a-b had the same name in the kernel, and stopping one stopped the other.
func TestSourcesThatShareKernelNames(t *testing.T) {
	for _, test := range []struct {
		names   []string
		refused bool
	}{
		{[]string{"a", "a-b"}, true},
		{[]string{"a-b", "x", "a"}, true},
		{[]string{"a-b", "a-b-c_d"}, true},
		{[]string{"a", "a"}, true},
		{[]string{"a", "b-a", "ab", "a_b", "abc-c", "A-b"}, false},
	} {
		var sources []host.Source
		for _, name := range test.names {
			sources = append(sources, host.Source{Name: name, Dataset: "tank/" + name})
		}
		_, err := host.New(nil, nil, host.Options{Sources: sources})
		if !test.refused {
			require.NoError(t, err, test.names)
			continue
		}
		require.ErrorIs(t, err, host.ErrSourceNames, test.names)
	}
	_, err := host.New(nil, nil, host.Options{Sources: []host.Source{{Name: "a", Dataset: "tank/one"}, {Name: "a-b", Dataset: "tank/two"}}})
	require.ErrorContains(t, err, "a (tank/one) and a-b (tank/two)")
}

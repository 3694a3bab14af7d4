package jail_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// TestDamagedJournal: a journal that cannot be understood is set aside, never
// deleted and never followed. The error names it once; the next operation works,
// and other jails are in nobody's way at any time.
func TestDamagedJournal(t *testing.T) {
	ctx := t.Context()
	for name, damage := range map[string]func(whole []byte) []byte{
		"garbage":         func([]byte) []byte { return []byte("\x00\x01garbage") },
		"garbage, a line": func([]byte) []byte { return []byte("garbage\n") },
		"zeros":           func(whole []byte) []byte { return make([]byte, len(whole)) },
		"zeros at the end": func(whole []byte) []byte {
			return append(bytes.Clone(whole), "\x00\x00\x00\x00\n"...)
		},
		"newer version": func(whole []byte) []byte {
			return bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":2`), 1)
		},
		"unknown kind": func(whole []byte) []byte {
			return bytes.ReplaceAll(whole, []byte(`"kind":"create jail"`), []byte(`"kind":"summon jail"`))
		},
		"other steps": func(whole []byte) []byte { return append(bytes.Clone(whole), `{"step":99,"phase":"done"}`+"\n"...) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			web, db := newJail(t, h, "web", false, nil), newJail(t, h, "db", false, nil)
			crash := plan.WithFault(ctx, func(p plan.Point) error {
				if p.Step.Kind == "create jail" && p.Phase == "do" {
					return plan.ErrCrash
				}
				return nil
			})
			_, err := web.Start(crash, jail.StartOptions{})
			require.ErrorIs(t, err, plan.ErrCrash)
			path := h.JournalPath("ioc", "jail", "web")
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			damaged := damage(whole)
			require.NoError(t, os.WriteFile(path, damaged, 0o600))

			_, err = db.Start(ctx, jail.StartOptions{})
			require.NoError(t, err, "another jail")
			_, err = web.Start(ctx, jail.StartOptions{})
			var told *plan.DamagedError
			require.ErrorAs(t, err, &told)
			require.ErrorContains(t, err, path)
			require.Equal(t, filepath.Join(filepath.Dir(path), "web.bad"), told.Aside)
			kept, err := os.ReadFile(told.Aside)
			require.NoError(t, err)
			require.Equal(t, damaged, kept)

			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			_, err = web.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			_, err = web.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			_, err = web.Destroy(ctx, jail.DestroyOptions{})
			require.NoError(t, err)

			// A second one does not take the first one's place.
			require.NoError(t, os.WriteFile(h.JournalPath("ioc", "jail", "db"), damaged, 0o600))
			require.NoError(t, os.WriteFile(strings.TrimSuffix(h.JournalPath("ioc", "jail", "db"), ".journal")+".bad", nil, 0o600))
			_, err = jail.Recover(ctx, h.Host)
			require.ErrorAs(t, err, &told)
			require.Equal(t, "db.2.bad", filepath.Base(told.Aside))
			_, err = db.Stop(context.Background(), jail.StopOptions{})
			require.NoError(t, err)
		})
	}
}

// TestDamagedNetworkRecord: an empty record, as after a power loss, is set aside and
// counts as none.
func TestDamagedNetworkRecord(t *testing.T) {
	ctx := t.Context()
	for i, text := range []string{"", "{", "\x00\x00", "[]\n"} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			h := newHost(t)
			web := newJail(t, h, "web", false, map[string]string{"ip4_addr": "lo0|127.0.0.9/32"})
			_, err := web.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			dir := h.JournalDir("ioc", "network")
			path := filepath.Join(dir, "web.json")
			require.FileExists(t, path)
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err = jail.Recover(ctx, h.Host)
			require.ErrorContains(t, err, path)
			require.FileExists(t, filepath.Join(dir, "web.bad"))
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			_, err = web.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			_, err = web.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err = web.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err, "without Recover")
		})
	}
}

// TestNetworkRecordOfAnotherJail: a copy of another jail's record was believed: a start
// took over that jail's addresses, which now stay with it.
func TestNetworkRecordOfAnotherJail(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, map[string]string{"ip4_addr": "lo0|127.0.0.9/32"})
	db := newJail(t, h, "db", false, map[string]string{"ip4_addr": "lo0|127.0.0.8/32"})
	_, err := web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	dir := h.JournalDir("ioc", "network")
	record, err := os.ReadFile(filepath.Join(dir, "web.json"))
	require.NoError(t, err)
	path := filepath.Join(dir, "db.json")
	require.NoError(t, os.WriteFile(path, record, 0o600))
	_, err = jail.Recover(ctx, h.Host)
	require.ErrorContains(t, err, path)
	kept, err := os.ReadFile(filepath.Join(dir, "db.bad"))
	require.NoError(t, err)
	require.Equal(t, record, kept)
	require.FileExists(t, filepath.Join(dir, "web.json"))

	require.NoError(t, os.WriteFile(path, record, 0o600))
	_, err = db.Start(ctx, jail.StartOptions{})
	require.NoError(t, err, "without Recover")
	require.FileExists(t, filepath.Join(dir, "db.2.bad"))
	started, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(started), "127.0.0.8/32")
	require.NotContains(t, string(started), "127.0.0.9/32")
}

// TestDamagedNetworkRecordIsKept: the undo of a start, and a stop, removed a record
// without having looked at it, so that a damaged one was deleted and not set aside.
func TestDamagedNetworkRecordIsKept(t *testing.T) {
	h := newHost(t)
	web := newJail(t, h, "web", false, map[string]string{"ip4_addr": "lo0|127.0.0.9/32"})
	crash := plan.WithFault(t.Context(), func(p plan.Point) error {
		if p.Step.Kind == "add addresses" && p.Phase == "do" {
			return plan.ErrCrash
		}
		return nil
	})
	_, err := web.Start(crash, jail.StartOptions{})
	require.ErrorIs(t, err, plan.ErrCrash)
	dir := h.JournalDir("ioc", "network")
	require.FileExists(t, filepath.Join(dir, "web.json"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "web.json"), []byte("garbage"), 0o600))
	_, err = jail.Recover(t.Context(), h.Host)
	require.NoError(t, err)
	kept, err := os.ReadFile(filepath.Join(dir, "web.bad"))
	require.NoError(t, err)
	require.Equal(t, "garbage", string(kept))
	require.NoFileExists(t, filepath.Join(dir, "web.json"))
}

// TestCopyOfDamagedJournal: a journal that was set aside kept its mark, so that an older
// copy of it was believed later, and finished a destroy that nobody wanted any more.
func TestCopyOfDamagedJournal(t *testing.T) {
	for _, damage := range []string{"", "{", "garbage\n"} {
		t.Run(damage, func(t *testing.T) {
			h := newHost(t)
			web := newJail(t, h, "web", false, nil)
			crash := plan.WithFault(t.Context(), func(p plan.Point) error {
				if p.Step.Kind == "destroy dataset" && p.Phase == "do" {
					return plan.ErrCrash
				}
				return nil
			})
			_, err := web.Destroy(crash, jail.DestroyOptions{})
			require.ErrorIs(t, err, plan.ErrCrash)
			path := h.JournalPath("ioc", "jail", "web")
			older, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(damage), 0o600))
			_, _ = jail.Recover(t.Context(), h.Host)
			require.NoFileExists(t, path)

			require.NoError(t, os.WriteFile(path, older, 0o600))
			_, err = jail.Recover(t.Context(), h.Host)
			require.ErrorIs(t, err, plan.ErrEnded)
			_, err = jail.Load(t.Context(), h.Host, "web")
			require.NoError(t, err)
		})
	}
}

// TestDamagedJournalAfterReboot: the journal of a stop, of which nothing outlives a
// reboot, was deleted after one though it could not be understood.
func TestDamagedJournalAfterReboot(t *testing.T) {
	for _, damage := range []struct{ name, from, to string }{
		{"of another jail", `"key":"ioc/jail/web"`, `"key":"ioc/jail/db"`},
		{"unknown kind", `"kind":"remove jail"`, `"kind":"banish jail"`},
	} {
		t.Run(damage.name, func(t *testing.T) {
			h := newHost(t)
			web := newJail(t, h, "web", false, nil)
			_, err := web.Start(t.Context(), jail.StartOptions{})
			require.NoError(t, err)
			crash := plan.WithFault(t.Context(), func(p plan.Point) error {
				if p.Step.Kind == "remove jail" && p.Phase == "do" {
					return plan.ErrCrash
				}
				return nil
			})
			_, err = web.Stop(crash, jail.StopOptions{})
			require.ErrorIs(t, err, plan.ErrCrash)
			path := h.JournalPath("ioc", "jail", "web")
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			damaged := strings.ReplaceAll(string(whole), damage.from, damage.to)
			require.NotEqual(t, string(whole), damaged)
			require.NoError(t, os.WriteFile(path, []byte(damaged), 0o600))
			mark, err := h.MarkPath(t.Context(), host.Source{Name: "ioc", Dataset: simhost.Dataset}, "jail", "web")
			require.NoError(t, err)
			require.NoError(t, os.Remove(mark), "as a power loss, or another operation, leaves it")
			require.NoError(t, h.Reboot())
			_, err = jail.Recover(t.Context(), h.Host)
			require.ErrorIs(t, err, plan.ErrDamaged)
			kept, err := os.ReadFile(filepath.Join(filepath.Dir(path), "web.bad"))
			require.NoError(t, err)
			require.Equal(t, damaged, string(kept))
		})
	}
}

package jail_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestJournalReturns: the journal of a create comes back after it has ended, as with an
// older boot environment. The jail was destroyed where its source was not mounted when
// the create began, where the journal was written before there were marks, and where a
// kill had left the mark.
func TestJournalReturns(t *testing.T) {
	source := host.Source{Name: "ioc", Dataset: simhost.Dataset}
	unmarked := func(data []byte) []byte { return bytes.Replace(data, []byte(`"marked":true,`), nil, 1) }
	for _, c := range []struct {
		name   string
		before func(t *testing.T, h *simhost.Host) // the create
		change func(data []byte) []byte            // of the journal
		reboot bool
		stale  bool // the mark is left, and Recover runs
	}{
		{name: "first create of a source", before: func(t *testing.T, h *simhost.Host) {
			require.NoError(t, h.Store.Destroy(t.Context(), simhost.Dataset, zfsstore.DestroyOptions{Recursive: true}))
		}},
		{name: "source not mounted", before: func(t *testing.T, h *simhost.Host) {
			require.NoError(t, h.Store.Set(t.Context(), simhost.Dataset, map[string]string{"canmount": "off"}))
			first, err := jail.New(t.Context(), h.Host, jail.Spec{Name: "first"})
			require.NoError(t, err)
			_, err = first.Create(t.Context(), jail.CreateOptions{Scratch: true})
			require.NoError(t, err)
		}},
		{name: "source not mounted, first create", before: func(t *testing.T, h *simhost.Host) {
			require.NoError(t, h.Store.Set(t.Context(), simhost.Dataset, map[string]string{"canmount": "off"}))
		}},
		{name: "not marked", change: unmarked},
		{name: "before there were marks", reboot: true, change: func(data []byte) []byte {
			id := data[bytes.Index(data, []byte(`"id":`)):]
			return bytes.Replace(unmarked(data), id[:bytes.IndexByte(id, ',')+1], nil, 1)
		}},
		{name: "mark left behind", stale: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			h, err := simhost.New(memoryDir(t))
			require.NoError(t, err)
			t.Cleanup(func() { h.Close() })
			if c.before != nil {
				c.before(t, h)
			}
			web, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
			require.NoError(t, err)
			journal := h.JournalPath("ioc", "jail", "web")
			var data, mark []byte
			var path string
			_, err = web.Create(plan.WithFault(ctx, func(plan.Point) error {
				data, _ = os.ReadFile(journal)
				path, _ = h.MarkPath(context.Background(), source, "jail", "web")
				if now, err := os.ReadFile(path); err == nil {
					mark = now
				}
				return nil
			}), jail.CreateOptions{Scratch: true})
			require.NoError(t, err)
			require.NotEmpty(t, data)
			require.NotEmpty(t, mark)
			require.NoFileExists(t, path)
			if c.stale {
				require.NoError(t, os.WriteFile(path, mark, 0o600))
				_, err = jail.Recover(ctx, h.Host)
				require.NoError(t, err)
				require.NoFileExists(t, path)
			}
			back := data
			if c.change != nil {
				back = c.change(data)
				require.NotEqual(t, data, back)
			}
			require.NoError(t, os.WriteFile(journal, back, 0o600))
			if c.reboot {
				require.NoError(t, h.Reboot())
			}
			_, err = jail.Recover(ctx, h.Host)
			require.ErrorIs(t, err, plan.ErrEnded)
			require.FileExists(t, strings.TrimSuffix(journal, ".journal")+".bad")
			loaded(t, ctx, h, "web")
		})
	}
}

// TestFirstCreateLosesPower: the first create of a source is undone after a power loss
// although nothing could hold its mark when it began.
func TestFirstCreateLosesPower(t *testing.T) {
	for _, phase := range []string{"do", "done"} {
		t.Run(phase, func(t *testing.T) {
			ctx := t.Context()
			h, err := simhost.New(memoryDir(t))
			require.NoError(t, err)
			t.Cleanup(func() { h.Close() })
			require.NoError(t, h.Store.Destroy(ctx, simhost.Dataset, zfsstore.DestroyOptions{Recursive: true}))
			web, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
			require.NoError(t, err)
			o := jail.CreateOptions{Scratch: true}
			p, err := web.Generator().Create(o).Plan(ctx)
			require.NoError(t, err)
			_, err = web.Create(plan.WithFault(ctx, at(len(p.Steps())-1, phase, plan.ErrCrash)), o)
			require.ErrorIs(t, err, plan.ErrCrash)
			_, err = h.Store.Get(ctx, web.Dataset(), zfsstore.GetOptions{})
			require.NoError(t, err)
			require.NoError(t, h.Reboot())
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			_, err = h.Store.Get(ctx, web.Dataset(), zfsstore.GetOptions{})
			require.ErrorIs(t, err, zfsstore.ErrNotFound)
			require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
		})
	}
}

// TestJournalOfAnotherIsTold: an operation on the jail that was renamed sets the journal
// aside that came back under the old name. Only the log said so, and a later Recover had
// nothing to say.
func TestJournalOfAnotherIsTold(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	journal := h.JournalPath("ioc", "jail", "web")
	var data []byte
	_, err := web.Rename(plan.WithFault(ctx, func(plan.Point) error {
		data, _ = os.ReadFile(journal)
		return nil
	}), jail.RenameOptions{Name: "shop"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(journal, data, 0o600))
	stream, err := loaded(t, ctx, h, "shop").Set(ctx, map[string]string{"notes": "x"}, jail.SetOptions{})
	require.NoError(t, err)
	require.NoFileExists(t, journal)
	var told []error
	for _, e := range stream {
		if r, ok := e.(events.JailRecover); ok && r.State == events.Failed {
			require.Equal(t, "web", r.Jail)
			told = append(told, r.Err)
		}
	}
	require.Len(t, told, 1)
	require.ErrorIs(t, told[0], plan.ErrEnded)
	require.ErrorContains(t, told[0], strings.TrimSuffix(journal, ".journal")+".bad")
}

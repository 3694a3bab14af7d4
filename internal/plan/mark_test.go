package plan

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
)

// TestMark: an interrupted operation is undone while its mark is in the pool. Without
// it, or with that of a later operation, the journal is set aside; without the pool it
// stays.
func TestMark(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(mark string) error
		path   func(mark string) string // of the mark, for the recovery
		err    error
		undone bool
		left   bool // the journal
	}{
		{name: "there", undone: true},
		{name: "gone", change: os.Remove, err: ErrEnded},
		{name: "of a later operation", change: func(mark string) error { return os.WriteFile(mark, []byte("later"), 0o600) }, err: ErrEnded},
		{name: "pool not mounted", path: func(string) string { return "" }, left: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			journal, mark := filepath.Join(dir, "j.journal"), filepath.Join(dir, "pool", "kind", "j")
			s := newShelf()
			path := mark
			start := func(ctx context.Context, again bool) error {
				job := Job[*shelf]{
					Event: events.JailStart{Jail: "shelf"}, Room: 100, Env: s, Journal: journal, Key: "k", Clock: time.Now,
					Lock: func(context.Context) (func(), error) { return func() {}, nil },
					Boot: func(context.Context) (string, error) { return "boot", nil },
					Mark: func(context.Context) (string, error) { return path, nil },
				}
				if again {
					return events.Wait(ctx, runner.StartRecover(ctx, job))
				}
				job.Plan = func(context.Context, string) (*Plan, error) {
					return &Plan{Operation: "test", Subject: "shelf", Steps: three(put), Commit: 3}, nil
				}
				return events.Wait(ctx, runner.Start(ctx, job))
			}
			crash := WithFault(t.Context(), func(p Point) error {
				if p.Phase == "done" && p.Index == 1 {
					return ErrCrash
				}
				return nil
			})
			require.ErrorIs(t, start(crash, false), ErrCrash)
			require.FileExists(t, mark)
			require.Len(t, s.words, 2)
			if c.change != nil {
				require.NoError(t, c.change(mark))
			}
			if c.path != nil {
				path = c.path(mark)
			}
			err := start(t.Context(), true)
			switch {
			case c.err != nil:
				require.ErrorIs(t, err, c.err)
				require.FileExists(t, filepath.Join(dir, "j.bad"))
			case c.left:
				require.ErrorContains(t, err, journal)
				require.FileExists(t, journal)
				return
			default:
				require.NoError(t, err)
				require.NoFileExists(t, mark)
			}
			require.NoFileExists(t, journal)
			require.Equal(t, c.undone, len(s.words) == 0)
			require.NoError(t, start(t.Context(), false), "the next operation")
			require.Len(t, s.words, 3)
			require.NoFileExists(t, mark)
		})
	}
}

// TestCutHeader: a journal that was cut in its header, or is empty, was deleted in the
// middle of an operation. Where the mark says that steps had begun it is set aside.
func TestCutHeader(t *testing.T) {
	for _, c := range []struct {
		name  string
		left  string
		mark  func(dir string) string
		aside bool
	}{
		{"nothing begun", `{"ver`, func(dir string) string { return filepath.Join(dir, "none") }, false},
		{"cut", `{"ver`, markIn, true},
		{"empty", "", markIn, true},
		{"pool not mounted", "", func(string) string { return "" }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			journal, mark := filepath.Join(dir, "j.journal"), c.mark(dir)
			require.NoError(t, os.WriteFile(journal, []byte(c.left), 0o600))
			err := events.Wait(t.Context(), runner.StartRecover(t.Context(), Job[*shelf]{
				Event: events.JailStart{Jail: "shelf"}, Room: 100, Env: newShelf(), Journal: journal, Key: "k", Clock: time.Now,
				Lock: func(context.Context) (func(), error) { return func() {}, nil },
				Boot: func(context.Context) (string, error) { return "boot", nil },
				Mark: func(context.Context) (string, error) { return mark, nil },
			}))
			require.NoFileExists(t, journal)
			if mark != "" {
				require.NoFileExists(t, mark)
			}
			if !c.aside {
				require.NoError(t, err)
				require.NoFileExists(t, filepath.Join(dir, "j.bad"))
				return
			}
			require.ErrorIs(t, err, ErrDamaged)
			require.ErrorIs(t, err, ErrNoHeader)
			require.FileExists(t, filepath.Join(dir, "j.bad"))
		})
	}
}

// markIn makes a mark in a directory.
func markIn(dir string) string {
	mark := filepath.Join(dir, "mark")
	if err := os.WriteFile(mark, []byte("id"), 0o600); err != nil {
		panic(err)
	}
	return mark
}

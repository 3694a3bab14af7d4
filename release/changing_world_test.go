package release_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestChangingWorld lets every operation on a release crash before and after each
// step. Before the recovery another program replaces the release and the copy of its
// base, or the journal is damaged, or comes back after the operation has ended. An
// interrupted fetch destroyed the release that another program had made of that name,
// and an interrupted update any dataset that had the name of the updater's clone.
func TestChangingWorld(t *testing.T) {
	changes := []struct {
		name string
		do   func(w *interrupted, t *testing.T) (check func(error))
	}{
		{"replaced", (*interrupted).replaced},
		{"updater's name taken", (*interrupted).updaterTaken},
		{"journal garbage", (*interrupted).damaged},
		{"journal comes back", (*interrupted).comesBack},
	}
	var tried atomic.Int64
	t.Run("operations", func(t *testing.T) {
		for _, op := range operations {
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				for step, kind := range op.steps {
					if step > 1 && step+2 < len(op.steps) && op.steps[step-1] == kind && op.steps[step+1] == kind {
						continue // one of many
					}
					for i, phase := range []string{"do", "done"} {
						for k, change := range changes {
							if testing.Short() && (step+i+k)%6 != 0 {
								continue
							}
							t.Run(fmt.Sprintf("%d %s/%s/%s", step, kind, phase, change.name), func(t *testing.T) {
								h, rel, mirror := faultHost(t, op)
								w := &interrupted{h: h, rel: rel, mirror: mirror, op: op}
								w.journal = h.JournalPath("ioc", "release", rel.Name().Base())
								ctx := plan.WithFault(context.Background(), func(p plan.Point) error {
									if p.Index == step && p.Phase == phase {
										return plan.ErrCrash
									}
									return nil
								})
								require.ErrorIs(t, op.run(ctx, h, rel, mirror), plan.ErrCrash)
								require.FileExists(t, w.journal)
								check := change.do(w, t)
								if check == nil {
									return // not of this operation
								}
								err := w.recover()
								check(err)
								if _, gone := os.Lstat(w.journal); gone == nil {
									require.ErrorContains(t, err, w.journal) // its place is taken
								}
								tried.Add(1)
							})
						}
					}
				}
			})
		}
	})
	t.Logf("%d changes tried", tried.Load())
	require.NotZero(t, tried.Load())
}

// interrupted is a host on which an operation on a release has crashed.
type interrupted struct {
	h       *simhost.Host
	rel     *release.Release
	mirror  string
	op      operation
	journal string
}

func (w *interrupted) recover() error {
	_, err := release.Recover(context.Background(), w.h.Host, jail.NewRunner(w.h.Host))
	return err
}

// datasets are the lines of the world about datasets, and about the files of foreign
// ones.
func (w *interrupted) datasets(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(world(t, w.h), func(s string) bool {
		return !strings.HasPrefix(s, "dataset ") && !strings.Contains(s, "precious")
	})
}

func (w *interrupted) replaced(t *testing.T) func(error) {
	ctx := context.Background()
	mine := []string{w.rel.Dataset(), w.rel.BaseDataset()}
	for _, dataset := range mine {
		err := w.h.Store.Destroy(ctx, dataset, zfsstore.DestroyOptions{Recursive: true})
		require.True(t, err == nil || errors.Is(err, zfsstore.ErrNotFound), err)
		for _, parent := range []string{"zroot/iocage/releases", "zroot/iocage/base"} {
			if err := w.h.Store.Create(ctx, parent, zfsstore.CreateOptions{}); err != nil {
				require.ErrorIs(t, err, zfsstore.ErrExists)
			}
		}
		for _, name := range []string{dataset, dataset + "/root"} {
			require.NoError(t, w.h.Store.Create(ctx, name, zfsstore.CreateOptions{}))
			path, err := w.h.Mountpoint(ctx, name)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(path, "precious"), []byte("another program's"), 0o644))
		}
	}
	before := w.about(t, mine)
	return func(error) { require.Equal(t, before, w.about(t, mine)) }
}

// updaterTaken makes another dataset where the updater's clone is, with a file
// system mounted in it.
func (w *interrupted) updaterTaken(t *testing.T) func(error) {
	if w.op.name != "update" {
		return nil
	}
	ctx := context.Background()
	taken := w.rel.TreeUpdate(w.rel.RootDataset(), w.rel.Dataset(), 0, release.UpdateOptions{}).Scratch
	require.NoError(t, w.h.Store.Create(ctx, taken, zfsstore.CreateOptions{}))
	path, err := w.h.Mountpoint(ctx, taken)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(path, "precious"), []byte("another program's"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(path, "tmp"), 0o755))
	_, err = w.h.Sim.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", From: "tmpfs", Path: filepath.Join(path, "tmp")})
	require.NoError(t, err)
	before := w.about(t, []string{taken})
	return func(err error) {
		require.NoError(t, err)
		require.Equal(t, before, w.about(t, []string{taken}))
		require.ErrorIs(t, w.op.run(ctx, w.h, w.rel, w.mirror), zfsstore.ErrExists)
		require.Equal(t, before, w.about(t, []string{taken}))
	}
}

// about are the lines of the world that name one of the datasets.
func (w *interrupted) about(t *testing.T, datasets []string) []string {
	t.Helper()
	return slices.DeleteFunc(world(t, w.h), func(s string) bool {
		return !slices.ContainsFunc(datasets, func(d string) bool { return strings.Contains(s, d+" ") || strings.Contains(s, d+"/") })
	})
}

func (w *interrupted) damaged(t *testing.T) func(error) {
	require.NoError(t, os.WriteFile(w.journal, []byte("garbage\nand more\n"), 0o600))
	before := w.datasets(t)
	return func(err error) {
		require.ErrorIs(t, err, plan.ErrDamaged)
		require.ErrorContains(t, err, w.journal)
		require.FileExists(t, strings.TrimSuffix(w.journal, ".journal")+".bad")
		require.Equal(t, before, w.datasets(t))
	}
}

func (w *interrupted) comesBack(t *testing.T) func(error) {
	data, err := os.ReadFile(w.journal)
	require.NoError(t, err)
	require.NoError(t, w.recover())
	if err := w.op.run(context.Background(), w.h, w.rel, w.mirror); err != nil {
		// It was finished by the recovery.
		require.True(t, errors.Is(err, release.ErrNotFetched) || errors.Is(err, release.ErrFetched), err)
	}
	before := w.datasets(t)
	require.NoError(t, os.WriteFile(w.journal, data, 0o600))
	return func(err error) {
		require.ErrorIs(t, err, plan.ErrEnded)
		require.ErrorContains(t, err, w.journal)
		require.Equal(t, before, w.datasets(t))
	}
}

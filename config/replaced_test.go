package config_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/atomicfile"
)

// A reader gets one of the files that writers put in place, never a refusal.
func TestReadWhileReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, atomicfile.Write(path, []byte(`{"id": "a"}`), 0o644))
	var over atomic.Bool
	done := make(chan error, 1)
	go func() {
		for !over.Load() {
			if err := atomicfile.Write(path, []byte(`{"id": "b"}`), 0o644); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 3000 {
		_, err := config.ReadFile(path)
		require.NoError(t, err)
	}
	over.Store(true)
	require.NoError(t, <-done)
}

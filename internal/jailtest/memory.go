package jailtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// MemoryDir returns a directory for a simulated host. Journals and stores are
// synced to disk thousands of times, which costs nothing in memory.
func MemoryDir(t testing.TB) string {
	t.Helper()
	memory := memoryFS()
	if memory == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "go-libioc-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

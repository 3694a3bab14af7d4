package fleet

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStampsOfAFile: a file is read again while its time is too young to tell, and not
// after that.
func TestStampsOfAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	write := func(text string, at time.Time) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
	}
	s := stamps{}
	require.False(t, s.changed(dir, "config.json"))

	young := time.Now()
	write("a", young)
	require.True(t, s.changed(dir, "config.json"))
	require.False(t, s.changed(dir, "config.json"))
	write("b", young)
	require.True(t, s.changed(dir, "config.json"), "another text of the same length and time")

	old := time.Now().Add(-time.Hour)
	write("c", old)
	require.True(t, s.changed(dir, "config.json"))
	write("d", old)
	require.False(t, s.changed(dir, "config.json"), "an old file is not read again")
	write("d", old.Add(time.Second))
	require.True(t, s.changed(dir, "config.json"))

	require.NoError(t, os.Remove(path))
	require.True(t, s.changed(dir, "config.json"))
	require.False(t, s.changed(dir, "config.json"))
}

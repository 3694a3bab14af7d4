package kernel

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSimSmoke(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	for _, d := range []string{"rel/bin", "j/bin", "j/dev"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "rel/bin/echo"), []byte("#!sim echo\n"), 0o755))
	s, err := NewSim(SimOptions{Root: root})
	require.NoError(t, err)
	_, err = s.Nmount(ctx, MountRequest{Type: "nullfs", From: "/rel/bin", Path: "/j/bin", Below: "/j", Flags: MntRdOnly})
	require.NoError(t, err)
	_, err = s.Nmount(ctx, MountRequest{Type: "devfs", Path: "/j/dev", Options: []MountOption{{"ruleset", "4711"}}})
	require.ErrorIs(t, err, ErrEmptyRuleset)
	jid, err := s.JailSet(ctx, JailCreate, String("name", "a"), String("path", "/j"), Bool("persist", true))
	require.NoError(t, err)
	require.Equal(t, 1, jid)
	id, err := s.JailIdentify(ctx, 0, ByName("a"))
	require.NoError(t, err)
	var out bytes.Buffer
	e, err := s.Run(ctx, Command{Jail: id, Argv: []string{"/bin/echo", "hi"}, Stdout: &out, Stderr: &out})
	require.NoError(t, err)
	require.Equal(t, "hi\n", out.String())
	require.True(t, e.Success())
	require.NoError(t, s.JailRemove(ctx, id))
	require.NoError(t, s.Unmount(ctx, "/j/bin", 0))
}

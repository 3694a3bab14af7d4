package jail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
)

// TestTemporaryFilesOfKilledWriters: a hundred of them beside a jail's files, or beside
// the record of its network, kept the jail from being changed and started.
func TestTemporaryFilesOfKilledWriters(t *testing.T) {
	ctx := t.Context()
	h := netHost(t)
	j := newJail(t, h, "web", false, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.77.0.2/24",
	})
	dir, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	records := h.JournalDir("ioc", "network")
	require.NoError(t, os.MkdirAll(records, 0o700))
	leave := func() {
		for n := range 100 {
			for _, path := range []string{filepath.Join(dir, ".config.json.%d.tmp"), filepath.Join(records, ".web.json.%d.tmp")} {
				require.NoError(t, os.WriteFile(fmt.Sprintf(path, n), nil, 0o600))
			}
		}
	}
	none := func() {
		for _, dir := range []string{dir, records} {
			left, err := filepath.Glob(filepath.Join(dir, ".*.tmp"))
			require.NoError(t, err)
			require.Empty(t, left)
		}
	}
	leave()
	require.NoError(t, j.Config().Set("notes", "changed"))
	require.NoError(t, j.Save(ctx))
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	none()
	leave()
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	none()
}

// TestTemporaryFilesOfNoJail: beside the network record and the mark of a jail that does
// not exist any more, what killed writers have left stayed forever.
func TestTemporaryFilesOfNoJail(t *testing.T) {
	h := netHost(t)
	newJail(t, h, "other", false, nil)
	source := host.Source{Name: "ioc", Dataset: simhost.Dataset}
	paths := []string{filepath.Join(h.JournalDir("ioc", "network"), ".web.json.0.tmp")}
	for _, kind := range []string{"jail", "release"} {
		mark, err := h.MarkPath(t.Context(), source, kind, ".13.5-RELEASE.0.tmp")
		require.NoError(t, err)
		paths = append(paths, mark)
	}
	for _, path := range paths {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
	}
	other := filepath.Join(filepath.Dir(paths[0]), ".web.json.x.tmp")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	_, err := jail.Recover(t.Context(), h.Host)
	require.NoError(t, err)
	for _, path := range paths {
		require.NoFileExists(t, path)
	}
	require.FileExists(t, other, "not of a writer")
	require.NoError(t, os.Remove(other))
}

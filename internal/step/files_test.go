package step

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// TestSameDir: an open directory is the one at a path, or it was replaced.
func TestSameDir(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	root, err := saferoot.Open(filepath.Join(dir, "a"))
	require.NoError(t, err)
	defer root.Close()
	require.NoError(t, sameDir(root, filepath.Join(dir, "a")))
	require.ErrorIs(t, sameDir(root, filepath.Join(dir, "b")), jailerr.ErrReplaced)
	require.ErrorIs(t, sameDir(root, filepath.Join(dir, "c")), os.ErrNotExist)
}

// TestWriteConfigKeepsWhatItCannotBringBack: a file that is too large to be kept for the
// undo is not written over. What killed writers have left is removed.
func TestWriteConfigKeepsWhatItCannotBringBack(t *testing.T) {
	h := newHost(t)
	makes(t, h, "zroot/web")
	dir := mountedAt(t, h, "zroot/web")
	file := filepath.Join(dir, "config.json")
	left := filepath.Join(dir, ".saferoot-"+strings.Repeat("A", 26))
	require.NoError(t, os.WriteFile(left, []byte("half"), 0o600))
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	require.NoError(t, os.Truncate(file, MostFormer+1))
	write := WriteConfig{Dataset: "zroot/web", File: "config.json", Data: []byte("{}")}
	require.ErrorIs(t, perform(t, h, write).err, saferoot.ErrTooLarge)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.EqualValues(t, MostFormer+1, info.Size())
	require.NoFileExists(t, left)

	require.NoError(t, os.Remove(file))
	require.NoError(t, perform(t, h, write).err)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "{}", string(data))
}

// TestInheritSetsNothing: ZFS is only asked to set properties if there are some.
func TestInheritSetsNothing(t *testing.T) {
	h := newHost(t)
	makes(t, h, "zroot/web")
	h.ZFS.ForgetCalls()
	require.NoError(t, SetProperties{Dataset: "zroot/web", Inherit: []string{"user:a"}}.Apply(t.Context(), envOf(h)))
	calls := h.ZFS.Calls()
	require.Len(t, calls, 1)
	require.Equal(t, simzfs.OpInherit, calls[0].Op)
}

// TestNetworkRecordComesBack: a record is what it was before, unless the disk refuses.
func TestNetworkRecordComesBack(t *testing.T) {
	h := newHost(t)
	key := NetKey{"ioc", "web"}
	path := key.path(h.Host)
	require.NoError(t, key.write(t.Context(), h.Host, netRecord{Boot: "now"}))
	was := Before{Data: []byte(`{"boot":"then"}`), Had: true}
	full := plan.WithWriteFault(t.Context(), func() error { return errProbe })
	require.ErrorIs(t, key.restore(full, h.Host, was), errProbe)
	require.NoError(t, key.restore(t.Context(), h.Host, was))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(was.Data), string(data))
	require.NoError(t, key.restore(t.Context(), h.Host, Before{}))
	require.NoFileExists(t, path)

	require.NoError(t, os.Mkdir(path, 0o755)) // cannot be read
	require.Error(t, key.restore(t.Context(), h.Host, was))
	require.DirExists(t, path)
}

// TestResolverNeedsEtc: a root without the directory has no resolv.conf.
func TestResolverNeedsEtc(t *testing.T) {
	write := WriteResolver{RootDataset: "zroot/web", Lines: []string{"nameserver 192.0.2.53"}}
	for _, c := range []struct {
		name    string
		setup   func(etc string) error
		skipped []string
		err     error
	}{
		{"none", func(string) error { return nil }, []string{"the jail has no /etc"}, nil},
		{"a file", func(etc string) error { return os.WriteFile(etc, nil, 0o644) }, []string{"the jail has no /etc"}, nil},
		{"a link", func(etc string) error { return os.Symlink("/tmp", etc) }, nil, saferoot.ErrEscape},
		{"a directory", func(etc string) error { return os.Mkdir(etc, 0o755) }, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			makes(t, h, "zroot/web")
			require.NoError(t, c.setup(filepath.Join(mountedAt(t, h, "zroot/web"), "etc")))
			out := perform(t, h, write)
			require.ErrorIs(t, out.err, c.err)
			require.Equal(t, c.skipped, out.skipped())
		})
	}
}

// logFile is a file that cannot be closed or written.
type logFile struct {
	bytes.Buffer
	closing, writing error
}

func (f *logFile) Close() error { return f.closing }

func (f *logFile) Write(p []byte) (int, error) {
	if f.writing != nil {
		return 0, f.writing
	}
	return f.Buffer.Write(p)
}

// TestConsoleLog: what kept a log from being whole is told, and nothing else.
func TestConsoleLog(t *testing.T) {
	for _, c := range []struct {
		name             string
		closing, writing error
		log, told        string
	}{
		{"whole", nil, nil, "one two ", ""},
		{"full", nil, errProbe, "", "console log: call failed\n"},
		{"lost at the end", errProbe, nil, "one two ", "console log: call failed\n"},
	} {
		var told strings.Builder
		file := &logFile{closing: c.closing, writing: c.writing}
		l := &consoleLog{file: file}
		l.write([]byte("one "))
		l.write([]byte("two "))
		l.close(&told)
		require.Equal(t, c.told, told.String(), c.name)
		require.Equal(t, c.log, file.String(), c.name)
	}
	var none *consoleLog
	none.write([]byte("one"))
	none.close(io.Discard)
}

// TestOwnClones: a snapshot that cannot be destroyed is left to others only if none of the
// operation's own clones keeps it.
func TestOwnClones(t *testing.T) {
	clone := Clone{Made: byUs, Clones: []CloneTarget{{"zroot/web@one", "zroot/a"}, {"zroot/web@one", "zroot/b"}}}
	for _, c := range []struct {
		name  string
		ours  []string
		other []string
		want  bool
	}{
		{"not made yet", nil, nil, false},
		{"somebody else's", nil, []string{"zroot/a", "zroot/b"}, false},
		{"the first", []string{"zroot/a"}, nil, true},
		{"the second", []string{"zroot/b"}, []string{"zroot/a"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			makesOurs(t, h, c.ours...)
			makes(t, h, c.other...)
			var own bool
			// The plan ends before it makes the clones.
			err := performPlan(t, h, envOf(h), 2, probe{func(ctx context.Context, e Env, call *plan.Call) (err error) {
				if own, err = (Snapshot{}).ownClones(ctx, e, call); err == nil {
					err = errProbe
				}
				return err
			}}, clone).err
			require.ErrorIs(t, err, errProbe)
			require.Equal(t, c.want, own)
		})
	}
	t.Run("refused", func(t *testing.T) {
		h := newHost(t)
		zfsFails(t, h, simzfs.OpGet)
		var own bool
		err := performPlan(t, h, envOf(h), 2, probe{func(ctx context.Context, e Env, call *plan.Call) error {
			o, err := Snapshot{}.ownClones(ctx, e, call)
			own = o
			return err
		}}, clone).err
		require.ErrorIs(t, err, errProbe)
		require.False(t, own)
	})
}

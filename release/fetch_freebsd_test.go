package release_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/freebsd"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// realHost is this machine with a source of its own in the pool that
// IOC_TEST_POOL names; all of it is destroyed in the end.
func realHost(t *testing.T) *host.Host {
	t.Helper()
	pool := os.Getenv("IOC_TEST_POOL")
	if pool == "" || os.Getenv("IOC_TEST_BASE") == "" || os.Geteuid() != 0 {
		t.Skip("needs root, a pool in IOC_TEST_POOL and an archive in IOC_TEST_BASE")
	}
	dir := t.TempDir()
	dataset := fmt.Sprintf("%s/release%d", pool, os.Getpid())
	store := zfsstore.NewExec(zfsstore.ExecOptions{})
	ctx := context.Background()
	require.NoError(t, store.Create(ctx, dataset, zfsstore.CreateOptions{}))
	t.Cleanup(func() {
		require.NoError(t, store.Destroy(ctx, dataset, zfsstore.DestroyOptions{Recursive: true, Force: true}))
	})
	k, err := freebsd.New()
	require.NoError(t, err)
	h, err := host.New(store, k, host.Options{
		Sources: []host.Source{{Name: "test", Dataset: dataset}},
		RunDir:  filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"), CacheDir: filepath.Join(dir, "cache"),
	})
	require.NoError(t, err)
	return h
}

// realMirror serves IOC_TEST_BASE as base.txz of the release.
func realMirror(t *testing.T, version string) string {
	t.Helper()
	path := os.Getenv("IOC_TEST_BASE")
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	require.NoError(t, err)
	manifest := fmt.Sprintf("base.txz\t%x\t1\tbase\t\"Base system (MANDATORY)\"\ton\n", sum.Sum(nil))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/" + version + "/MANIFEST":
			io.WriteString(w, manifest)
		case "/" + version + "/base.txz":
			http.ServeFile(w, r, path)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	openLoopback(t, s.Listener.Addr().String())
	return s.URL
}

// openLoopback switches ipfw(4) off for the test if it refuses connections to
// this machine itself, as it does when it was loaded without rules.
func openLoopback(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err == nil {
		c.Close()
		return
	}
	require.ErrorIs(t, err, syscall.EACCES)
	out, err := exec.Command("/sbin/sysctl", "net.inet.ip.fw.enable=0").CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() { exec.Command("/sbin/sysctl", "net.inet.ip.fw.enable=1").Run() })
}

func realVersion() string {
	if v := os.Getenv("IOC_TEST_RELEASE"); v != "" {
		return v
	}
	return "13.2-RELEASE"
}

// entry is what tar(1) restores of one file.
type entry struct {
	mode       uint16
	uid, gid   uint32
	flags      uint32
	nlink      uint64
	size       int64
	mtime      int64
	link, hash string
}

func entries(t *testing.T, root string, content bool) map[string]entry {
	t.Helper()
	out := map[string]entry{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		e := entry{mode: st.Mode, uid: st.Uid, gid: st.Gid, flags: st.Flags, nlink: uint64(st.Nlink)}
		switch {
		case d.Type().IsRegular() && !content:
			e.size, e.mtime = st.Size, st.Mtimespec.Sec
		case d.Type().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			e.size, e.mtime, e.hash = st.Size, st.Mtimespec.Sec, fmt.Sprintf("%x", sha256.Sum256(data))
		case d.Type()&fs.ModeSymlink != 0:
			e.link, err = os.Readlink(path)
		}
		rel, _ := filepath.Rel(root, path)
		out[rel] = e
		return err
	}))
	return out
}

func extraction(all []events.IocEvent) (d time.Duration) {
	for _, e := range all {
		if e, ok := e.(events.ReleaseExtraction); ok && e.State == events.Done {
			d += e.Duration
		}
	}
	return d
}

// TestFetchOnFreeBSD fetches the real base system from a mirror and compares
// every file with what tar(1) makes of the same archive: modes with setuid
// bits, owners, file flags, hard links, content.
func TestFetchOnFreeBSD(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	version := realVersion()
	rel, err := release.New(ctx, h, version, "")
	require.NoError(t, err)
	o := release.FetchOptions{HTTP: release.HTTPOptions{AllowHTTP: true}, Mirror: realMirror(t, version), KeepDefaults: true}
	all, err := events.Collect(ctx, rel.Fetch(ctx, o))
	require.NoError(t, err)
	for _, e := range all {
		if e.Head().Depth == 1 && e.Head().State == events.Done {
			t.Log(events.Line(e))
		}
	}

	plain := rel.Source().Dataset + "/plain"
	require.NoError(t, h.Store.Create(ctx, plain, zfsstore.CreateOptions{}))
	dir, err := h.Mountpoint(ctx, plain)
	require.NoError(t, err)
	start := time.Now()
	out, err := exec.Command("/bin/sh", "-c", `exec xz -dc "$1" | tar -xpf - -C "$2"`, "sh", os.Getenv("IOC_TEST_BASE"), dir).CombinedOutput()
	require.NoError(t, err, string(out))
	t.Logf("measured: base.txz extracted in %v, by xz -dc | tar -xpf - in %v", extraction(all), time.Since(start))
	root, err := h.Mountpoint(ctx, rel.RootDataset())
	require.NoError(t, err)
	want, got := entries(t, dir, true), entries(t, root, true)
	var diff []string
	setuid, flagged, linked := 0, 0, 0
	for path, w := range want {
		g, ok := got[path]
		if !ok || g != w {
			diff = append(diff, fmt.Sprintf("%s: want %+v, got %+v", path, w, g))
		}
		if w.mode&0o6000 != 0 {
			setuid++
		}
		if w.flags&0x00020000 != 0 { // SF_IMMUTABLE, sys/stat.h
			flagged++
		}
		if w.link == "" && w.hash != "" && w.nlink > 1 {
			linked++
		}
		delete(got, path)
	}
	for path := range got {
		diff = append(diff, "additional: "+path)
	}
	sort.Strings(diff)
	require.Empty(t, strings.Join(diff[:min(len(diff), 20)], "\n"), "%d differences", len(diff))
	t.Logf("measured: %d files are equal to tar's, %d of them setuid or setgid, %d immutable, %d hard links", len(want), setuid, flagged, linked)
	require.Positive(t, setuid)
	require.Positive(t, flagged)
	require.Positive(t, linked)

	text, err := exec.Command("/usr/sbin/chroot", root, "/bin/freebsd-version", "-u").CombinedOutput()
	require.NoError(t, err, string(text))
	require.True(t, bytes.HasPrefix(text, []byte(version)), string(text))

	// A jail of it has the same, and runs.

	j, err := jail.New(ctx, h, jail.Spec{Name: "fetched", Properties: map[string]string{
		"exec_start": "/usr/bin/true", "exec_stop": "/usr/bin/true",
	}})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Release: version})
	require.NoError(t, err)
	clone, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.Equal(t, entries(t, root, false), entries(t, clone, false), "the jail's root is the release's")
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	result, err := j.Exec(ctx, []string{"/bin/freebsd-version", "-u"}, jail.ExecOptions{})
	require.NoError(t, err)
	require.Equal(t, 0, result.ExitCode, string(result.Stderr))
	require.Equal(t, string(text), string(result.Stdout))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, events.Wait(ctx, rel.Destroy(ctx, release.DestroyOptions{})), release.ErrInUse)
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)

	require.ErrorIs(t, wait(rel, o), release.ErrFetched)
	require.NoError(t, events.Wait(ctx, rel.Destroy(ctx, release.DestroyOptions{})))
	_, err = h.Store.Get(ctx, rel.Dataset(), zfsstore.GetOptions{})
	require.True(t, errors.Is(err, zfsstore.ErrNotFound))
}

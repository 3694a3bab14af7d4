// Package storetest is the conformance suite of zfsstore.Store. It runs against
// simzfs on any system, and against the real ZFS where a pool can be used for it.
package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
)

// An Env is a Store and the datasets that a test may use.
type Env struct {
	Store zfsstore.Store
	// Root is a mounted file system without children, snapshots or files. The
	// suite verifies that it is empty again at the end.
	Root string
	// Jail is the name of a running jail, or "".
	Jail string
}

// Run runs the suite. newEnv is called for each test, and cleans up with t.Cleanup.
func Run(t *testing.T, newEnv func(t *testing.T) Env) {
	for _, test := range []struct {
		name string
		run  func(*tester)
	}{
		{"Create", testCreate},
		{"CreateRefusals", testCreateRefusals},
		{"Names", testNames},
		{"Volume", testVolume},
		{"List", testList},
		{"Pools", testPools},
		{"Properties", testProperties},
		{"PropertyRefusals", testPropertyRefusals},
		{"UserPropertyValues", testUserPropertyValues},
		{"Inherit", testInherit},
		{"Snapshot", testSnapshot},
		{"SnapshotRefusals", testSnapshotRefusals},
		{"SnapshotFiles", testSnapshotFiles},
		{"Rollback", testRollback},
		{"Clone", testClone},
		{"CloneRefusals", testCloneRefusals},
		{"Promote", testPromote},
		{"Rename", testRename},
		{"RenameRefusals", testRenameRefusals},
		{"RenameSnapshot", testRenameSnapshot},
		{"Destroy", testDestroy},
		{"DestroyGUID", testDestroyGUID},
		{"DestroyRefusals", testDestroyRefusals},
		{"DestroyClones", testDestroyClones},
		{"DestroyPartly", testDestroyPartly},
		{"Hold", testHold},
		{"Mount", testMount},
		{"Mountpoint", testMountpoint},
		{"Nested", testNested},
		{"Send", testSend},
		{"SendIncremental", testSendIncremental},
		{"SendRecursive", testSendRecursive},
		{"ReceiveRefusals", testReceiveRefusals},
		{"Jail", testJail},
		{"Cancelled", testCancelled},
		{"NotCutShort", testNotCutShort},
		{"Errors", testErrors},
		{"Concurrent", testConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := newEnv(t)
			s := &tester{T: t, Env: env, ctx: context.Background()}
			t.Cleanup(s.verifyClean)
			test.run(s)
		})
	}
}

// tester is a test with its environment.
type tester struct {
	*testing.T
	Env
	ctx context.Context
}

// in returns the name of a dataset below the root.
func (t *tester) in(name string) string { return t.Root + "/" + name }

func (t *tester) ok(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that err is the sentinel, in an *Error.
func (t *tester) refused(err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Errorf("got %v, want %v", err, sentinel)
		return
	}
	var e *zfsstore.Error
	if !errors.As(err, &e) || e.Op == "" || len(e.Args) == 0 {
		t.Errorf("%#v is not a *zfsstore.Error with operation and command line", err)
	}
}

func (t *tester) create(names ...string) {
	t.Helper()
	for _, name := range names {
		t.ok(t.Store.Create(t.ctx, t.in(name), zfsstore.CreateOptions{}))
	}
}

func (t *tester) snapshot(name string) {
	t.Helper()
	t.ok(t.Store.Snapshot(t.ctx, t.in(name), zfsstore.SnapshotOptions{}))
}

func (t *tester) get(name string, properties ...string) zfsstore.Dataset {
	t.Helper()
	d, err := t.Store.Get(t.ctx, t.in(name), zfsstore.GetOptions{Properties: properties})
	t.ok(err)
	return d
}

func (t *tester) exists(name string) bool {
	t.Helper()
	_, err := t.Store.Get(t.ctx, t.in(name), zfsstore.GetOptions{})
	if err != nil && !errors.Is(err, zfsstore.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// names returns the datasets below the root, relative to it.
func (t *tester) names(types ...zfsstore.Type) []string {
	t.Helper()
	all, err := t.Store.List(t.ctx, t.Root, zfsstore.ListOptions{Types: types})
	t.ok(err)
	var names []string
	for _, d := range all {
		if d.Name != t.Root {
			names = append(names, strings.TrimPrefix(d.Name[len(t.Root):], "/"))
		}
	}
	return names
}

func (t *tester) wantNames(want []string, types ...zfsstore.Type) {
	t.Helper()
	if got := t.names(types...); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

// path is a file of a mounted dataset.
func (t *tester) path(dataset string, elements ...string) string {
	t.Helper()
	d := t.get(dataset)
	if d.Mountpoint == "" {
		t.Fatalf("%s has no mountpoint", dataset)
	}
	return filepath.Join(append([]string{d.Mountpoint}, elements...)...)
}

func (t *tester) write(path, content string) {
	t.Helper()
	t.ok(os.WriteFile(path, []byte(content), 0o644))
}

func (t *tester) wantFile(path, content string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("%s: %q, %v, want %q", path, got, err, content)
	}
}

func (t *tester) wantNoFile(path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want it not to exist", path, err)
	}
}

// all are the types of a Store.
var all = []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot}

// verifyClean destroys what a test left below its root, and checks that this
// is then as it was given.
func (t *tester) verifyClean() {
	children, err := t.Store.List(t.ctx, t.Root, zfsstore.ListOptions{Types: all, Depth: 1})
	if err != nil {
		t.Errorf("after the test: %v", err)
		return
	}
	for _, d := range slices.Backward(children) {
		if d.Name == t.Root {
			continue
		}
		err := t.Store.Destroy(t.ctx, d.Name, zfsstore.DestroyOptions{Dependents: true, Force: true})
		if err != nil && !errors.Is(err, zfsstore.ErrNotFound) {
			t.Errorf("after the test: %v", err)
		}
	}
	if left := t.names(all...); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	root, err := t.Store.Get(t.ctx, t.Root, zfsstore.GetOptions{})
	if err != nil {
		t.Errorf("after the test: %v", err)
		return
	}
	entries, err := os.ReadDir(root.Mountpoint)
	if err != nil {
		t.Errorf("after the test: %v", err)
	}
	for _, entry := range entries {
		t.Errorf("file left behind: %s", entry.Name())
	}
}

package simkernel_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/replaytest"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

func TestReplay(t *testing.T) {
	exceptions := replaytest.ReadExceptions(t, "exceptions.txt")
	for rel, fs := range replaytest.RecordedFiles(t, "*") {
		t.Run(rel, func(t *testing.T) {
			k, hooks := newSimReplay(t, path.Dir(rel)+"-RELEASE", fs.FirstJID)
			if err := hooks.Tree(fs.Tree); err != nil {
				t.Fatal(err)
			}
			replaytest.ReplayFile(t, rel, fs, exceptions, k, hooks)
		})
	}
	for key := range exceptions {
		if _, err := os.Stat(filepath.Join(*replaytest.Recordings, strings.Split(key, ":")[0])); err != nil {
			t.Errorf("exception for a file that does not exist: %s", key)
		}
	}
}

// TestReplayBorrows replays a recording of a release that setup.json does not
// know: that of 13.2 under another name.
func TestReplayBorrows(t *testing.T) {
	dir, from := t.TempDir(), *replaytest.Recordings
	t.Cleanup(func() { *replaytest.Recordings = from })
	if err := os.CopyFS(filepath.Join(dir, "13.9"), os.DirFS(filepath.Join(replaytest.OwnRecordings, replaytest.Lender))); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(replaytest.OwnRecordings, "setup.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "setup.json"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	*replaytest.Recordings = dir
	for rel, fs := range replaytest.RecordedFiles(t, "13.9") {
		k, hooks := newSimReplay(t, replaytest.Lender+"-RELEASE", fs.FirstJID)
		if err := hooks.Tree(fs.Tree); err != nil {
			t.Fatal(err)
		}
		replaytest.ReplayFile(t, rel, fs, map[string]string{}, k, hooks)
	}
}

func newSimReplay(t *testing.T, release string, firstJID int) (kernel.Kernel, replaytest.Hooks) {
	root := t.TempDir()
	s, err := simkernel.New(simkernel.Options{Release: release, Root: root, FirstJID: firstJID, Hostname: "ioctest"})
	if err != nil {
		t.Fatal(err)
	}
	return s, &simReplay{s, root}
}

// simReplay is a kernel with the hooks of a replay.
type simReplay struct {
	*simkernel.Kernel
	root string
}

func (s *simReplay) Tree(paths []string) error {
	for _, p := range paths {
		p, target, link := strings.Cut(p, " -> ")
		file := filepath.Join(s.root, p)
		var err error
		switch {
		case link:
			err = os.Symlink(target, file)
		case strings.HasSuffix(p, "/"):
			err = os.MkdirAll(file, 0o755)
		default:
			err = os.WriteFile(file, nil, 0o755)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *simReplay) Process(id kernel.Identity) (func() kernel.Exit, error) {
	release, err := s.HoldDying(id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	type result struct {
		exit kernel.Exit
		err  error
	}
	done := make(chan result, 1)
	go func() {
		e, err := s.Run(ctx, kernel.Command{Jail: id, Argv: []string{"/bin/sleep", "3600"}})
		done <- result{e, err}
	}()
	for {
		procs, err := s.ProcessList(ctx, id.JID)
		if err != nil {
			cancel()
			return nil, err
		}
		if len(procs) > 0 {
			break
		}
		select {
		case r := <-done:
			cancel()
			return nil, fmt.Errorf("the process ended at once: %+v %w", r.exit, r.err)
		default:
			time.Sleep(time.Millisecond)
		}
	}
	return func() kernel.Exit {
		cancel()
		r := <-done
		release()
		return r.exit
	}, nil
}

func (s *simReplay) Hold(id kernel.Identity) (func(), error) { return s.HoldDying(id) }

func (s *simReplay) Open(path string) (func(), error) { return s.HoldBusy(path) }

func (s *simReplay) Create(path string) error {
	file, err := s.ResolveWrite(path)
	if err != nil {
		return err
	}
	return os.WriteFile(file, nil, 0o644)
}

func (s *simReplay) Sleep(time.Duration) {}
